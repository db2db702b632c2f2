// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/planned_race.hpp"

#include <algorithm>
#include <stdexcept>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/require.hpp"
#include "plan_executor.hpp"
#include "race_run.hpp"

namespace normdescent {

namespace {

std::vector<Candidate> candidates_of(std::span<const Contestant> contestants, const Policy& policy) {
  std::vector<Candidate> candidates;
  for (const Contestant& contestant : contestants) {
    Candidate candidate{.name = contestant.name, .kind = "custom", .learning_rate = {}, .rate_is_fixed = false};
    if (!contestant.make_stepper && policy.knows(contestant.name)) {
      candidate.kind = contestant.name;
    } else {
      candidate.learning_rate = learning_rate_of(contestant);
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

Planner planner_of(const Problem& problem, std::span<const Contestant> contestants, const PlannedRaceOptions& options) {
  if (!options.state.empty()) return Planner::from_state(options.state);
  PlannerOptions planner = options.planner;
  Features found = model_features(problem.instantiate(derive_seed(planner.seed, Purpose::probe))->parameters());
  found["batch_size"] = static_cast<double>(problem.batch_size());
  planner.features.merge(found);  // what the caller says stays
  return {candidates_of(contestants, shipped_policy()), planner};
}

/// What one planned run is to run_in_race.
RaceOptions run_options(const PlannedRun& run, const PlannedRaceOptions& options) {
  return {.steps = run.steps,
          .warmup_fraction = options.warmup_fraction,
          .decay = options.decay,
          .evaluate_every = std::max<std::int64_t>(1, run.steps / std::max(1, run.evaluations - 1)),
          .divergence_factor = options.divergence_factor,
          .noise_points = 0};
}

}  // namespace

Features model_features(std::span<const Parameter> parameters) {
  double hidden = 0.0;
  double outer = 0.0;
  double matrices = 0.0;
  for (const Parameter& parameter : parameters) {
    const auto size = static_cast<double>(parameter.info.size());
    if (parameter.info.role == Role::matrix) {
      hidden += size;
      matrices += 1.0;
    }
    if (parameter.info.role == Role::embedding || parameter.info.role == Role::head) outer += size;
  }
  const auto total = static_cast<double>(std::max<Index>(1, dimension(parameters)));
  return {{"parameters", total},
          {"hidden_share", hidden / total},
          {"embedding_share", outer / total},
          {"matrices", matrices}};
}

PlannedRaceResult planned_race(const Problem& problem, std::span<const Contestant> contestants,
                               const PlannedRaceOptions& options, RaceObserver& observer, const std::stop_token& stop) {
  require(options.threads >= 1, "threads", options.threads, "at least 1");
  Planner planner = planner_of(problem, contestants, options);
  for (const Candidate& candidate : planner.candidates()) {
    if (std::ranges::find(contestants, candidate.name, &Contestant::name) == contestants.end())
      throw std::invalid_argument("state of the planner has " + candidate.name + ", must be a contestant");
  }
  PlannedRaceResult result;
  const auto report_progress = [&] {
    const auto done = static_cast<int>(planner.runs_done());
    observer.on_progress(done, std::max(done, static_cast<int>(planner.runs_planned())));
  };
  report_progress();
  PlanExecutor executor(
      planner, options.threads,
      [&](const PlannedRun& run, const std::stop_token& stop_run) {
        const auto& contestant = *std::ranges::find(contestants, run.candidate, &Contestant::name);
        const bool has_curve = run.evaluations > 2;
        return run_in_race(problem, contestant,
                           {.learning_rate = run.learning_rate, .seed = run.seed, .is_final = has_curve},
                           run_options(run, options), stop_run);
      },
      [&](const PlannedRun&, RunRecord record) {
        observer.on_run_finished(record);
        result.runs.push_back(std::move(record));
        report_progress();
      },
      stop);
  executor.run();
  result.was_stopped = executor.was_stopped();
  result.decision = planner.decision();
  result.cost_runs = planner.cost_runs();
  result.state = planner.state();
  return result;
}

}  // namespace normdescent
