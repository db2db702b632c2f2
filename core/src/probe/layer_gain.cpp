// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/layer_gain.hpp"

#include <algorithm>
#include <cmath>

#include "moving_point.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/statistics/mean_and_error.hpp"

namespace normdescent {
namespace {

constexpr double kFarthest = 64.0;  // of the joint step's length, either way

// The step at which the parabola with this slope and this gain at a is highest.
double parabola_step(double slope, double gain, double a) {
  if (!(slope > 0.0)) return 0.0;
  const double curvature = 2.0 * (slope * a - gain) / (a * a);
  const double best = curvature > 0.0 ? slope / curvature : kFarthest * a;
  return std::clamp(best, a / kFarthest, kFarthest * a);
}

}  // namespace

std::vector<OneStepGain> measure_layer_gains(Objective& objective, ModelGeometry& geometry, double step_size,
                                             BatchSource& batches, const LocalOptions& options, std::stop_token stop) {
  const auto parameters = objective.parameters();
  probe_detail::MovingPoint point(parameters);
  std::vector<float> direction(static_cast<std::size_t>(dimension(parameters)));
  std::vector<OneStepGain> result(parameters.size());
  std::vector<std::vector<double>> fresh(parameters.size());
  std::vector<double> lengths(parameters.size());

  for (int repetition = 0; repetition <= options.repetitions && !stop.stop_requested(); ++repetition) {
    objective.gradient(batches.next(options.direction_batch));
    copy_gradients(parameters, direction);
    if (!(geometry.dual_unit(direction, direction) > 0.0)) continue;
    const Batch held_out = batches.next(options.held_out_batch);
    const bool is_search = repetition == 0;
    if (is_search) objective.gradient(held_out);
    const double loss_here = objective.loss(held_out);
    std::size_t offset = 0;
    for (std::size_t t = 0; t < parameters.size(); ++t) {
      const auto d = std::span<float>(direction).subspan(offset, parameters[t].value.size());
      offset += d.size();
      lengths[t] = geometry.length_of_part(t, d);
      if (!(lengths[t] > 0.0) || stop.stop_requested() || (!is_search && !(result[t].step_size > 0.0))) continue;
      const auto slope = parameters[t].gradient.empty()
                             ? 0.0
                             : dot(std::span<const float>(parameters[t].gradient), std::span<const float>(d));
      // d has the tensor's share of the joint direction's length; steps are counted for its unit direction.
      const double scale = is_search ? step_size : result[t].step_size / lengths[t];
      probe_detail::advance(parameters.subspan(t, 1), d, scale);
      const double gain = loss_here - objective.loss(held_out);
      point.restore();
      if (is_search) {
        result[t].step_size = parabola_step(slope, gain, step_size) * lengths[t];
      } else {
        fresh[t].push_back(gain);
      }
    }
  }
  for (std::size_t t = 0; t < result.size(); ++t) result[t].gain = mean_and_error(fresh[t]);
  return result;
}

}  // namespace normdescent
