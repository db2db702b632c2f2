// SPDX-License-Identifier: Apache-2.0
// A training problem whose losses are known in closed form, run by whoever asks.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/race/planner.hpp"

namespace normdescent::test {

/// The loss falls like a power of the steps divided by a candidate's regret and by what its rate costs:
///   loss(t) = floor + (start - floor) (1 + t / 20 / 2^(regret + curvature (log2 rate - best)^2))^-1
/// with the best rate falling by `shift` octaves for each doubling of the length.
struct SimulatedOptimizer {
  double log2_rate = -8.0;  ///< best one at the whole length
  double log2_regret = 0.0;
  double curvature = 0.15;
  double shift = 0.25;
  double diverges_above = 4.0;  ///< octaves
  double seconds = 1.0;
};

class SimulatedProblem {
 public:
  SimulatedProblem(std::int64_t steps, std::map<std::string, SimulatedOptimizer> optimizers, double noise = 0.0)
      : steps_(steps), optimizers_(std::move(optimizers)), noise_(noise) {}

  [[nodiscard]] RunResult run(const PlannedRun& run) const {
    const SimulatedOptimizer& optimizer = optimizers_.at(run.candidate);
    const double halvings = std::log2(static_cast<double>(steps_) / static_cast<double>(run.steps));
    const double octaves = std::log2(run.learning_rate) - optimizer.log2_rate - optimizer.shift * halvings;
    RunResult result{.first_loss = 4.0, .curve_steps = {}, .curve_losses = {}};
    result.gradients = run.steps;
    result.validation_batches = 2 * run.evaluations;
    result.seconds_per_step = optimizer.seconds;
    const auto label = std::llround(1024.0 * std::log2(run.learning_rate)) + 100'000;
    Philox random(run.seed, static_cast<std::uint64_t>(label), std::hash<std::string>()(run.candidate) % 1000);
    const double luck = noise_ * random.normal();
    const double slowdown = std::exp2(optimizer.log2_regret + optimizer.curvature * octaves * octaves + luck);
    for (int i = 0; i < run.evaluations; ++i) {
      const double step = static_cast<double>(run.steps) * i / (run.evaluations - 1.0);
      result.curve_steps.push_back(step);
      result.curve_losses.push_back(1.0 + 3.0 / (1.0 + step / 20.0 / slowdown));
    }
    result.final_loss = result.curve_losses.back();
    result.diverged = octaves > optimizer.diverges_above;
    if (result.diverged) result.final_loss = std::nan("");
    return result;
  }

  /// log2 of the steps that a choice needs over those of the best one.
  [[nodiscard]] double log2_regret(const std::string& name, double rate) const {
    double lowest = 1e9;
    for (const auto& [other, optimizer] : optimizers_) lowest = std::min(lowest, optimizer.log2_regret);
    const SimulatedOptimizer& optimizer = optimizers_.at(name);
    const double octaves = std::log2(rate) - optimizer.log2_rate;
    return optimizer.log2_regret + optimizer.curvature * octaves * octaves - lowest;
  }

 private:
  std::int64_t steps_;
  std::map<std::string, SimulatedOptimizer> optimizers_;
  double noise_;
};

/// Runs what is asked for until nothing is left; at most `limit` runs under way, told in the order in which they came.
inline void drive(Planner& planner, const SimulatedProblem& problem, int limit = 1) {
  while (!planner.done()) {
    for (const PlannedRun& run : planner.ask(limit)) planner.tell(run.id, problem.run(run));
  }
}

}  // namespace normdescent::test
