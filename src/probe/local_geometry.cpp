// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/local_geometry.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "mean_and_error.hpp"
#include "moving_point.hpp"
#include "normdescent/linalg/reductions.hpp"

namespace normdescent {
namespace {

using probe_detail::mean_and_error;
using probe_detail::MovingPoint;

constexpr double kFirstRms = 1e-3;  // root mean square of the first trial step
constexpr double kBracketFactor = 4.0;
constexpr int kBracketSteps = 12;  // each way: 4^12 covers 7 decades up and down
constexpr int kGridHalfWidth = 3;  // factors 2^-3 .. 2^3 around the bracket

// The maximum of the parabola through (x, y) at three points with y[1] largest.
double parabola_vertex(std::span<const double, 3> x, std::span<const double, 3> y) {
  const double left = (x[1] - x[0]) * (y[1] - y[2]);
  const double right = (x[1] - x[2]) * (y[1] - y[0]);
  const double denominator = left - right;
  if (!(denominator > 0.0)) return x[1];
  const double vertex = x[1] - 0.5 * ((x[1] - x[0]) * left - (x[1] - x[2]) * right) / denominator;
  return std::clamp(vertex, x[0], x[2]);
}

// One stochastic direction at a fixed point and what steps along it do on a held-out batch.
class Ray {
 public:
  Ray(Objective& objective, ModelGeometry& geometry)
      : objective_(objective),
        geometry_(geometry),
        point_(objective.parameters()),
        direction_(static_cast<std::size_t>(dimension(objective.parameters()))) {}

  // New direction from `examples`; false if it is zero or not finite.
  bool aim(const Batch& examples) {
    point_.restore();
    objective_.gradient(examples);
    copy_gradients(objective_.parameters(), direction_);
    dual_norm_ = geometry_.dual_unit(direction_, direction_);
    return std::isfinite(dual_norm_) && dual_norm_ > 0.0;
  }
  void judge_on(const Batch& held_out) {
    held_out_ = held_out;
    point_.restore();
    loss_here_ = objective_.loss(held_out_);
  }
  // f(x) - f(x - a d), -infinity where that is not a number.
  double gain(double a) {
    point_.move_to(direction_, a);
    const double gain = loss_here_ - objective_.loss(held_out_);
    return std::isnan(gain) ? -std::numeric_limits<double>::infinity() : gain;
  }
  [[nodiscard]] double dual_norm() const { return dual_norm_; }
  [[nodiscard]] double unit_rms_step() const {
    return geometry_.geometry() == Geometry::euclidean ? std::sqrt(static_cast<double>(direction_.size())) : 1.0;
  }

 private:
  Objective& objective_;
  ModelGeometry& geometry_;
  MovingPoint point_;
  std::vector<float> direction_;
  Batch held_out_;
  double loss_here_ = 0.0;
  double dual_norm_ = 0.0;
};

// The best step size on a grid of factor 4, climbing from a first guess.
double bracket(Ray& ray) {
  double best = kFirstRms * ray.unit_rms_step();
  double best_gain = ray.gain(best);
  const double first = best;
  for (int step = 0; step < kBracketSteps; ++step) {
    const double gain = ray.gain(best * kBracketFactor);
    if (gain <= best_gain) break;
    best *= kBracketFactor;
    best_gain = gain;
  }
  if (best > first) return best;
  for (int step = 0; step < kBracketSteps; ++step) {
    const double gain = ray.gain(best / kBracketFactor);
    if (best_gain > 0.0 && gain <= best_gain) break;
    best /= kBracketFactor;
    best_gain = gain;
  }
  return best;
}

}  // namespace

OneStepGain measure_one_step_gain(Objective& objective, ModelGeometry& geometry, BatchSource& batches,
                                  const LocalOptions& options, std::stop_token stop) {
  OneStepGain result;
  Ray ray(objective, geometry);
  const auto new_ray = [&] {
    if (stop.stop_requested() || !ray.aim(batches.next(options.direction_batch))) return false;
    ray.judge_on(batches.next(options.held_out_batch));
    return true;
  };

  if (!new_ray()) return result;
  const double centre = bracket(ray);
  constexpr std::size_t kGrid = 2 * kGridHalfWidth + 1;
  std::array<double, kGrid> steps{};
  std::array<double, kGrid> gains{};
  for (std::size_t j = 0; j < kGrid; ++j) steps[j] = std::ldexp(centre, static_cast<int>(j) - kGridHalfWidth);
  for (int repetition = 0; repetition < options.search_repetitions; ++repetition) {
    if (repetition > 0 && !new_ray()) return result;
    for (std::size_t j = 0; j < kGrid; ++j) gains[j] += ray.gain(steps[j]);
  }
  const auto best = static_cast<std::size_t>(std::ranges::max_element(gains) - gains.begin());
  if (!(gains[best] > 0.0)) return result;
  double a = steps[best];
  if (best > 0 && best + 1 < kGrid && std::isfinite(gains[best + 1])) {
    a = parabola_vertex(std::span(steps).subspan(best - 1).first<3>(), std::span(gains).subspan(best - 1).first<3>());
  }

  std::vector<double> fresh;
  double dual_norms = 0.0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    if (!new_ray()) return result;
    fresh.push_back(ray.gain(a));
    dual_norms += ray.dual_norm() / options.repetitions;
  }
  result.gain = mean_and_error(fresh);
  result.step_size = a;
  result.learning_rate = geometry.geometry() == Geometry::euclidean ? a / dual_norms : a;
  return result;
}

Smoothness measure_smoothness(Objective& objective, ModelGeometry& geometry, double step_size, BatchSource& batches,
                              const LocalOptions& options, std::stop_token stop) {
  const auto parameters = objective.parameters();
  const auto size = static_cast<std::size_t>(dimension(parameters));
  MovingPoint point(parameters);
  std::vector<float> direction(size);
  std::vector<float> difference(size);
  std::vector<double> constants;
  std::vector<double> curvatures;
  for (int repetition = 0; repetition < options.repetitions && !stop.stop_requested(); ++repetition) {
    point.restore();
    objective.gradient(batches.next(options.direction_batch));
    copy_gradients(parameters, direction);
    if (!(geometry.dual_unit(direction, direction) > 0.0)) continue;
    const Batch examples = batches.next(options.held_out_batch);
    objective.gradient(examples);
    copy_gradients(parameters, difference);
    point.move_to(direction, step_size);
    objective.gradient(examples);  // the same examples: their noise cancels
    std::size_t offset = 0;
    for (const Parameter& p : parameters) {
      for (std::size_t i = 0; i < p.gradient.size(); ++i) difference[offset + i] -= p.gradient[i];
      offset += p.value.size();
    }
    constants.push_back(geometry.dual_norm(difference) / step_size);
    curvatures.push_back(dot(std::span<const float>(difference), std::span<const float>(direction)) / step_size);
  }
  if (constants.empty()) return {};
  return {mean_and_error(constants), mean_and_error(curvatures)};
}

}  // namespace normdescent
