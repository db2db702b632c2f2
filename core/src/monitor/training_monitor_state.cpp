// SPDX-License-Identifier: Apache-2.0
// What a TrainingMonitor carries from step to step, as tensors.
#include <algorithm>
#include <string>
#include <utility>

#include "monitor_state.hpp"
#include "normdescent/monitor/training_monitor.hpp"

namespace normdescent {
namespace {

using probe_detail::from_tensor;
using probe_detail::require;
using probe_detail::to_tensor;

constexpr const char* kValues = "values";            // (rows, coordinates) of the window
constexpr const char* kSteps = "steps";              // of each row and, last, the step under way
constexpr const char* kAccumulated = "accumulated";  // (coordinates) of the step under way
constexpr const char* kGrowth = "growth";            // (points, 2)

}  // namespace

StateDict TrainingMonitor::state() const {
  StateDict state;
  const auto width = static_cast<Index>(choice_.count());
  auto steps = sample_.steps;
  steps.push_back(step_);
  std::vector<double> points;
  for (const AffinePoint& point : growth_) points.insert(points.end(), {point.x, point.y});
  state.tensors[kValues] = to_tensor("F32", {static_cast<Index>(sample_.rows()), width}, sample_.values);
  state.tensors[kSteps] = to_tensor("I64", {static_cast<Index>(steps.size())}, steps);
  state.tensors[kAccumulated] = to_tensor("F32", {width}, accumulated_);
  state.tensors[kGrowth] = to_tensor("F64", {static_cast<Index>(growth_.size()), 2}, points);
  watch_.save(state);
  steps_.save(state);
  return state;
}

void TrainingMonitor::load_state(const StateDict& state) {
  GradientSample sample{.width = choice_.count(),
                        .values = from_tensor<float>(state, kValues, "F32"),
                        .steps = from_tensor<std::int64_t>(state, kSteps, "I64")};
  auto accumulated = from_tensor<float>(state, kAccumulated, "F32");
  const auto points = from_tensor<double>(state, kGrowth, "F64");
  require(!sample.steps.empty() && sample.steps.front() >= 0 && std::ranges::is_sorted(sample.steps), kSteps,
          "counts that do not decrease");
  const std::int64_t step = sample.steps.back();
  sample.steps.pop_back();
  const std::string width = std::to_string(choice_.count());
  require(accumulated.size() == choice_.count(), kAccumulated, "of " + width + " coordinates");
  require(sample.values.size() == sample.rows() * choice_.count(), kValues, "rows of " + width + " coordinates");
  require(points.size() % 2 == 0, kGrowth, "pairs");
  SpectralWatch watch = watch_;
  watch.load(state);
  steps_.load(state, choice_.count());  // the last that can throw
  watch_ = std::move(watch);
  sample_ = std::move(sample);
  accumulated_ = std::move(accumulated);
  step_ = step;
  growth_.clear();
  for (std::size_t i = 0; i < points.size(); i += 2) growth_.push_back({points[i], points[i + 1]});
}

}  // namespace normdescent
