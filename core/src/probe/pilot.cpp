// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/pilot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "pilot_from.hpp"

namespace normdescent {
namespace {

using probe_detail::MovingPoint;

// A run that is further above its first loss than this has left the region that its rate was measured for.
constexpr double kLossLimit = 1.5;

constexpr std::size_t kCompared = 4;  // losses that tell whether a run is behind another

// Whether `losses`, half a run long, end above the same mini-batches' losses of `other`.
bool is_behind(std::span<const double> losses, std::span<const double> other) {
  double difference = 0.0;
  for (std::size_t i = losses.size() - kCompared; i < losses.size(); ++i) difference += losses[i] - other[i];
  return difference > 0.0;
}

// One run; its mini-batch losses, or nothing if it diverged, or if it was behind `rival` (may be empty) half-way.
std::vector<double> descend(Objective& objective, const PilotKind& kind, const PilotOptions& options, double rate,
                            BatchSource batches, std::span<const double> rival, std::vector<float>& direction,
                            const std::stop_token& stop) {
  const auto parameters = objective.parameters();
  ModelGeometry geometry(kind.geometry, parameters);
  std::vector<double> losses;
  for (int step = 0; step < options.steps && !stop.stop_requested(); ++step) {
    losses.push_back(objective.gradient(batches.next(options.batch_size)));
    if (!std::isfinite(losses.back()) ||
        losses.back() > losses.front() + (kLossLimit - 1.0) * std::abs(losses.front())) {
      return {};
    }
    const std::size_t half = static_cast<std::size_t>(options.steps) / 2;
    if (losses.size() == half && half >= kCompared && rival.size() > half && is_behind(losses, rival)) return {};
    copy_gradients(parameters, direction);
    const double dual = geometry.dual_unit(direction, direction);
    const double decay = 1.0 - static_cast<double>(step) / options.steps;
    probe_detail::advance(parameters, direction,
                          rate * decay * (kind.is_normalized ? 1.0 : dual / options.gradient_norm));
  }
  return losses;
}

}  // namespace

PilotRun probe_detail::run_pilot_from(MovingPoint& start, Objective& objective, const PilotKind& kind,
                                      const PilotOptions& options, BatchSource batches, const Batch& judge,
                                      const std::stop_token& stop) {
  constexpr double kDiverged = std::numeric_limits<double>::infinity();
  const auto parameters = objective.parameters();
  PilotRun best;
  best.end_loss = kDiverged;
  std::vector<float> direction(static_cast<std::size_t>(dimension(parameters)));
  std::vector<float> best_end;
  best_end.reserve(direction.size());
  int tries = 0;
  const std::string beside = objective.save();
  // One run from the start; whether it is the best so far.
  const auto attempt = [&](double rate) {
    start.restore();
    objective.restore(beside);
    ++tries;
    // A lower rate that is behind half-way stays behind: both decay in the same way from here on.
    const auto rival = rate < best.rate ? std::span<const double>(best.losses) : std::span<const double>();
    std::vector<double> losses = descend(objective, kind, options, rate, batches, rival, direction, stop);
    if (losses.empty() || stop.stop_requested()) return false;
    const double end = objective.loss(judge);
    if (!(end < best.end_loss)) return false;
    best = {rate, kind.is_normalized ? rate : rate / options.gradient_norm, 0, end, std::move(losses)};
    best_end.clear();
    for (const Parameter& p : parameters) best_end.insert(best_end.end(), p.value.begin(), p.value.end());
    return true;
  };
  const auto may_try = [&] { return tries < options.max_tries && !stop.stop_requested(); };

  double rate = options.first_rate;
  bool descended = false;
  attempt(rate);
  while (may_try()) {
    rate /= options.rate_factor;
    if (attempt(rate)) {
      descended = true;
    } else if (best.end_loss < kDiverged) {
      break;
    }
  }
  // The first rate did better than the one below it: perhaps a larger one is better still.
  if (!descended && best.end_loss < kDiverged) {
    rate = best.rate;
    while (may_try() && attempt(rate *= options.rate_factor)) {
    }
  }

  best.tries = tries;
  start.restore();
  objective.restore(beside);
  if (best_end.empty()) {
    best.end_loss = 0.0;
  } else {
    auto from = best_end.begin();
    for (const Parameter& p : parameters) {
      const auto to = from + static_cast<std::ptrdiff_t>(p.value.size());
      std::copy(from, to, p.value.begin());
      from = to;
    }
  }
  return best;
}

PilotRun run_pilot(Objective& objective, const PilotKind& kind, const PilotOptions& options, BatchSource batches,
                   const Batch& judge, std::stop_token stop) {
  MovingPoint start(objective.parameters());
  PilotRun run = probe_detail::run_pilot_from(start, objective, kind, options, batches, judge, stop);
  start.release();
  return run;
}

}  // namespace normdescent
