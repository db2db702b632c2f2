// SPDX-License-Identifier: Apache-2.0
#include "normdescent/monitor/step_watch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "monitor_state.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/statistics/jackknife.hpp"

namespace normdescent {
namespace {

using probe_detail::from_tensor;
using probe_detail::require;
using probe_detail::to_tensor;

constexpr const char* kStepsMeasured = "step_measured";  // (steps, 5) in the order of Step
constexpr const char* kStepStart = "step_start";         // (2, coordinates): point and gradient; empty between steps
constexpr const char* kStepLoss = "step_start_loss";
constexpr std::size_t kNumbersAStep = 5;

}  // namespace

void StepWatch::before(std::span<const float> point, std::span<const float> gradient, double loss) {
  point_.assign(point.begin(), point.end());
  gradient_.assign(gradient.begin(), gradient.end());
  loss_ = loss;
}

void StepWatch::after(const CoordinateChoice& choice, std::span<const float> point, std::span<const float> gradient,
                      double loss) {
  if (!is_waiting()) throw std::logic_error("StepWatch::after needs a call of before");
  Step step{.gain = loss_ - loss};
  for (const auto& tensor : choice.tensors()) {
    const double weight = tensor.weight();
    for (std::size_t i = tensor.first; i < tensor.first + tensor.indices.size(); ++i) {
      const double d = static_cast<double>(point[i]) - static_cast<double>(point_[i]);
      const double g = gradient_[i];
      step.slope += weight * g * d;
      step.curvature += weight * (static_cast<double>(gradient[i]) - g) * d;
      step.squared_length += weight * d * d;
      step.largest_squared = std::max(step.largest_squared, d * d);
    }
  }
  point_.clear();
  gradient_.clear();
  if (!std::isfinite(step.gain + step.slope + step.curvature + step.squared_length) || step.squared_length == 0.0) {
    return;
  }
  if (steps_.size() == kWindow) steps_.erase(steps_.begin());
  steps_.push_back(step);
}

StepEffect StepWatch::effect(std::size_t deleted) const {
  Step sum;
  double n = 0.0;
  for (std::size_t k = 0; k < steps_.size(); ++k) {
    if (k == deleted) continue;
    sum.gain += steps_[k].gain;
    sum.slope += steps_[k].slope;
    sum.curvature += steps_[k].curvature;
    sum.squared_length += steps_[k].squared_length;
    sum.largest_squared += steps_[k].largest_squared;
    n += 1.0;
  }
  StepEffect result;
  result.gain.value = sum.gain / n;
  result.curvature_l2.value = sum.curvature / sum.squared_length;
  result.curvature_linf.value = sum.curvature / sum.largest_squared;
  if (sum.curvature > 0.0) {
    result.best_multiple.value = -sum.slope / sum.curvature;
    result.best_gain.value = sum.slope * sum.slope / (2.0 * n * sum.curvature);
  }
  return result;
}

StepEffect StepWatch::report() const {
  StepEffect result;
  if (steps_.empty()) {
    result.reason = "no step was measured at both ends";
    return result;
  }
  result = effect(kNoGroup);
  result.steps = static_cast<std::int64_t>(steps_.size());
  if (std::isnan(result.best_multiple.value)) {
    result.reason = "no curvature was met along the steps: a quadratic says nothing of the best one";
  }
  if (steps_.size() < 2) return result;
  for (const auto field : {&StepEffect::gain, &StepEffect::curvature_l2, &StepEffect::curvature_linf,
                           &StepEffect::best_multiple, &StepEffect::best_gain}) {
    std::vector<double> without;
    for (std::size_t k = 0; k < steps_.size(); ++k) without.push_back((effect(k).*field).value);
    (result.*field).standard_error = jackknife_error(without);
  }
  return result;
}

void StepWatch::save(StateDict& state) const {
  std::vector<double> measured;
  for (const Step& s : steps_) {
    measured.insert(measured.end(), {s.gain, s.slope, s.curvature, s.squared_length, s.largest_squared});
  }
  std::vector<float> start = point_;
  start.insert(start.end(), gradient_.begin(), gradient_.end());
  state.tensors[kStepsMeasured] = to_tensor("F64", {static_cast<Index>(steps_.size()), kNumbersAStep}, measured);
  state.tensors[kStepStart] = to_tensor("F32", {static_cast<Index>(start.size())}, start);
  state.tensors[kStepLoss] = to_tensor("F64", {1}, std::vector{loss_});
}

void StepWatch::load(const StateDict& state, std::size_t coordinates) {
  const auto measured = from_tensor<double>(state, kStepsMeasured, "F64");
  const auto start = from_tensor<float>(state, kStepStart, "F32");
  const auto loss = from_tensor<double>(state, kStepLoss, "F64");
  require(measured.size() % kNumbersAStep == 0 && measured.size() <= kNumbersAStep * kWindow, kStepsMeasured,
          "rows of " + std::to_string(kNumbersAStep) + ", at most " + std::to_string(kWindow));
  require(start.empty() || start.size() == 2 * coordinates, kStepStart,
          "2 x " + std::to_string(coordinates) + ", or empty");
  require(loss.size() == 1, kStepLoss, "one number");
  steps_.clear();
  for (std::size_t k = 0; k < measured.size(); k += kNumbersAStep) {
    const double* m = measured.data() + k;
    steps_.push_back({m[0], m[1], m[2], m[3], m[4]});
  }
  const auto half = start.begin() + static_cast<std::ptrdiff_t>(start.size() / 2);
  point_.assign(start.begin(), half);
  gradient_.assign(half, start.end());
  loss_ = loss.front();
}

}  // namespace normdescent
