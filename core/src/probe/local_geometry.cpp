// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/local_geometry.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "moving_point.hpp"
#include "normdescent/base/bfloat16.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/statistics/mean_and_error.hpp"

namespace normdescent {
namespace {

using probe_detail::Excursion;
using probe_detail::MovingPoint;

constexpr double kFirstRms = 1e-3;  // root mean square of the first trial step
constexpr int kReach = 24;          // halvings and doublings of it at most: 7 decades each way
constexpr double kIsNearlyLinear = 0.75;

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
  [[nodiscard]] double unit_rms_step() const { return geometry_.unit_rms_step(); }

 private:
  Objective& objective_;
  ModelGeometry& geometry_;
  MovingPoint point_;
  std::vector<float> direction_;
  Batch held_out_;
  double loss_here_ = 0.0;
  double dual_norm_ = 0.0;
};

// Gains at a_j = first 2^j for consecutive j, summed over rays.
class StepGrid {
 public:
  explicit StepGrid(Ray& ray) : ray_(ray), first_(kFirstRms * ray.unit_rms_step()) {
    gains_.push_back(ray.gain(first_));
  }

  // Down to where two steps in a row gain what the slope promises, up past the first step that loses as much as the
  // best one gains: a loss along a ray may have two valleys, and which is deeper is not known before both were seen.
  void reach() {
    while (lowest_ > -kReach && !begins_nearly_linear()) {
      gains_.insert(gains_.begin(), ray_.gain(step(--lowest_)));
    }
    while (highest() < kReach && gains_.back() > -std::ranges::max(gains_)) {
      gains_.push_back(ray_.gain(step(highest() + 1)));
    }
  }
  void add_ray() {
    for (int j = lowest_; j <= highest(); ++j) at(j) += ray_.gain(step(j));
  }

  // The step with the largest gain, refined by a parabola; 0 where all lose.
  [[nodiscard]] double best_step() {
    const int best = lowest_ + static_cast<int>(std::ranges::max_element(gains_) - gains_.begin());
    if (!(at(best) > 0.0)) return 0.0;
    if (best == lowest_ || best == highest() || !std::isfinite(at(best + 1))) return step(best);
    const std::array<double, 3> x{step(best - 1), step(best), step(best + 1)};
    const std::array<double, 3> y{at(best - 1), at(best), at(best + 1)};
    // In a valley narrower than the grid the parabola misleads.
    const double vertex = parabola_vertex(x, y);
    return ray_.gain(vertex) < ray_.gain(step(best)) ? step(best) : vertex;
  }
  // The first step at which the gain a step is half the slope.
  [[nodiscard]] double half_slope_step() {
    const double slope = slope_at_zero();
    if (!(slope > 0.0)) return 0.0;
    for (int j = lowest_; j < highest(); ++j) {
      const double above = at(j) / step(j) - 0.5 * slope;
      const double below = at(j + 1) / step(j + 1) - 0.5 * slope;
      if (above >= 0.0 && below < 0.0 && std::isfinite(below)) {
        return step(j) + (step(j + 1) - step(j)) * above / (above - below);
      }
    }
    return 0.0;
  }

 private:
  [[nodiscard]] int highest() const { return lowest_ + static_cast<int>(gains_.size()) - 1; }
  [[nodiscard]] double step(int j) const { return std::ldexp(first_, j); }
  [[nodiscard]] double& at(int j) { return gains_[static_cast<std::size_t>(j - lowest_)]; }
  // gain(a) / a is slope - curvature a / 2 near 0, so its line through the two smallest steps meets 0 at the slope.
  [[nodiscard]] double slope_at_zero() {
    return gains_.size() < 2 ? 0.0 : 2.0 * at(lowest_) / step(lowest_) - at(lowest_ + 1) / step(lowest_ + 1);
  }
  [[nodiscard]] bool begins_nearly_linear() {
    const double slope = slope_at_zero();
    return slope > 0.0 && at(lowest_ + 1) >= kIsNearlyLinear * slope * step(lowest_ + 1);
  }

  Ray& ray_;
  double first_;
  int lowest_ = 0;
  std::vector<double> gains_;
};

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
  StepGrid grid(ray);
  grid.reach();
  for (int repetition = 1; repetition < options.search_repetitions; ++repetition) {
    if (!new_ray()) return result;
    grid.add_ray();
  }
  result.half_slope_step = grid.half_slope_step();
  const double a = grid.best_step();
  if (a == 0.0) return result;

  std::vector<double> fresh;
  double dual_norms = 0.0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    if (!new_ray()) return result;
    fresh.push_back(ray.gain(a));
    dual_norms += ray.dual_norm() / options.repetitions;
  }
  result.gain = mean_and_error(fresh);
  result.step_size = a;
  result.learning_rate = geometry.geometry().is_inner_product() ? a / dual_norms : a;
  return result;
}

std::vector<Smoothness> measure_smoothness(Objective& objective, std::span<ModelGeometry> geometries,
                                           std::span<const double> step_sizes, BatchSource& batches,
                                           const LocalOptions& options, std::stop_token stop) {
  const auto parameters = objective.parameters();
  const auto size = static_cast<std::size_t>(dimension(parameters));
  std::vector<Bfloat16> aim(size);  // half a copy; a direction from rounded gradients is as good as any
  std::vector<float> here(size);
  std::vector<float> direction(size);
  std::vector<std::vector<double>> constants(geometries.size());
  std::vector<std::vector<double>> curvatures(geometries.size());
  std::vector<Smoothness> result(geometries.size());
  for (Smoothness& s : result) s.tensor_gains.resize(parameters.size());
  for (int repetition = 0; repetition < options.repetitions && !stop.stop_requested(); ++repetition) {
    objective.gradient(batches.next(options.direction_batch));
    copy_gradients(parameters, here);
    std::ranges::transform(here, aim.begin(), to_bfloat16);
    const Batch examples = batches.next(options.held_out_batch);
    objective.gradient(examples);
    copy_gradients(parameters, here);
    for (std::size_t g = 0; g < geometries.size(); ++g) {
      std::ranges::transform(aim, direction.begin(), to_float);
      if (!(geometries[g].dual_unit(direction, direction) > 0.0)) continue;
      const double a = step_sizes[g];
      Excursion excursion(parameters, direction, a);
      objective.gradient(examples);  // the same examples: their noise cancels
      excursion.end();
      double curvature = 0.0;
      std::size_t offset = 0;
      for (std::size_t t = 0; t < parameters.size(); ++t) {
        const auto count = parameters[t].value.size();
        const auto there = parameters[t].gradient;
        const auto step = std::span(direction).subspan(offset, count);  // a d, as it was taken
        const auto gradient = std::span<const float>(here).subspan(offset, count);
        const double fall = dot(gradient, std::span<const float>(step));
        const double fall_there =
            there.empty() ? 0.0 : dot(std::span<const float>(there), std::span<const float>(step));
        curvature += (fall - fall_there) / (a * a);
        result[g].tensor_gains[t] += 0.5 * (fall + fall_there);
        // The difference of the gradients takes the place of the step, which is read no more.
        if (there.empty()) {
          std::ranges::copy(gradient, step.begin());
        } else {
          std::ranges::transform(gradient, there, step.begin(), std::minus<>{});
        }
        offset += count;
      }
      curvatures[g].push_back(curvature);
      constants[g].push_back(geometries[g].dual_norm(direction) / a);
    }
  }
  for (std::size_t g = 0; g < geometries.size(); ++g) {
    result[g].constant = mean_and_error(constants[g]);
    result[g].curvature = mean_and_error(curvatures[g]);
    for (double& gain : result[g].tensor_gains) {
      gain = constants[g].empty() ? std::numeric_limits<double>::quiet_NaN()
                                  : gain / static_cast<double>(constants[g].size());
    }
  }
  return result;
}

Smoothness measure_smoothness(Objective& objective, ModelGeometry& geometry, double step_size, BatchSource& batches,
                              const LocalOptions& options, std::stop_token stop) {
  return measure_smoothness(objective, {&geometry, 1}, {&step_size, 1}, batches, options, std::move(stop)).front();
}

}  // namespace normdescent
