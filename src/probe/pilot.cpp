// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/pilot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "moving_point.hpp"

namespace normdescent {
namespace {

using probe_detail::MovingPoint;

// A run that is further above its first loss than this has left the region that its rate was measured for.
constexpr double kLossLimit = 1.5;

// One run; its mini-batch losses, or nothing if it diverged.
std::vector<double> descend(Objective& objective, const PilotKind& kind, const PilotOptions& options, double rate,
                            BatchSource batches, std::vector<float>& direction, const std::stop_token& stop) {
  const auto parameters = objective.parameters();
  ModelGeometry geometry(kind.geometry, parameters);
  std::vector<double> losses;
  for (int step = 0; step < options.steps && !stop.stop_requested(); ++step) {
    losses.push_back(objective.gradient(batches.next(options.batch_size)));
    if (!std::isfinite(losses.back()) ||
        losses.back() > losses.front() + (kLossLimit - 1.0) * std::abs(losses.front())) {
      return {};
    }
    copy_gradients(parameters, direction);
    const double dual = geometry.dual_unit(direction, direction);
    const double decay = 1.0 - static_cast<double>(step) / options.steps;
    probe_detail::advance(parameters, direction,
                          rate * decay * (kind.is_normalized ? 1.0 : dual / options.gradient_norm));
  }
  return losses;
}

}  // namespace

PilotRun run_pilot(Objective& objective, const PilotKind& kind, const PilotOptions& options, BatchSource batches,
                   const Batch& judge, std::stop_token stop) {
  PilotRun best;
  best.end_loss = std::numeric_limits<double>::infinity();
  MovingPoint start(objective.parameters());
  std::vector<float> direction(static_cast<std::size_t>(dimension(objective.parameters())));
  std::vector<float> best_end;
  best_end.reserve(direction.size());
  double rate = options.first_rate;
  int tries = 0;
  while (tries < options.max_tries && !stop.stop_requested()) {
    start.restore();
    ++tries;
    std::vector<double> losses = descend(objective, kind, options, rate, batches, direction, stop);
    const double end = losses.empty() ? std::numeric_limits<double>::infinity() : objective.loss(judge);
    if (end < best.end_loss) {
      best = {rate, kind.is_normalized ? rate : rate / options.gradient_norm, tries, end, std::move(losses)};
      best_end.clear();
      for (const Parameter& p : objective.parameters()) best_end.insert(best_end.end(), p.value.begin(), p.value.end());
    } else if (std::isfinite(best.end_loss)) {
      break;
    }
    rate /= options.rate_factor;
  }
  best.tries = tries;
  start.restore();
  auto from = best_end.begin();
  if (best_end.empty()) {
    best.end_loss = 0.0;
  } else {
    for (const Parameter& p : objective.parameters()) {
      const auto to = from + static_cast<std::ptrdiff_t>(p.value.size());
      std::copy(from, to, p.value.begin());
      from = to;
    }
  }
  start.release();
  return best;
}

}  // namespace normdescent
