// SPDX-License-Identifier: Apache-2.0
#include "short_race.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "normdescent/base/derive_seed.hpp"

namespace normdescent {

namespace {

// Best rates over the best rate of the momentum-free optimizer of the same geometry: momentum lengthens steps.
constexpr double kMomentumRatio = 0.4;
// The short race's two rates are this factor below and above the expected best one: half a decade apart.
const double kBracket = std::pow(10.0, 0.25);

// Neither shares a seed with the race proper, whose runs have other purposes.
enum class Races : std::uint64_t { ladder = 0, pairs = 1 };

// a of rate_at_length. Theory U1 has 1/2 for steps whose length does not shrink with the gradient; the zoo's races
// (docs/scoreboard.md, 37 problems) had 0.35 for sign methods between a twentieth and the whole of the steps, and
// between a quarter and the whole; 0.15 for Muon, nearly nothing for the rest.
// Where it is: Geometry::rate_exponent.

// Where the pilots ended, as guesses of the first rate of optimizers that share their geometry.
std::map<std::string, double> rates_from_pilots(const ProbeReport& probe) {
  std::map<std::string, double> rates;
  for (const PilotReport& pilot : probe.pilots) {
    if (!(pilot.run.rate > 0.0)) continue;
    rates[pilot.kind.optimizer] = pilot.run.learning_rate;
    if (pilot.kind.optimizer == "signsgd") {
      rates["signum"] = rates["lion"] = kMomentumRatio * pilot.run.learning_rate;
      rates["adamw"] = pilot.run.learning_rate;
    }
    if (pilot.kind.optimizer == "sgd" && !rates.contains("normalized-sgd")) rates["normalized-sgd"] = pilot.run.rate;
  }
  return rates;
}

/// Passes a race's progress on as a part of the whole.
class PartOfProgress : public RaceObserver {
 public:
  PartOfProgress(const EvidenceProgress& progress, const char* phase, double from, double to)
      : progress_(progress), phase_(phase), from_(from), to_(to) {}
  void on_progress(int runs_done, int runs_planned) override {
    if (progress_ && runs_planned > 0) progress_(from_ + (to_ - from_) * runs_done / runs_planned, phase_);
  }

 private:
  const EvidenceProgress& progress_;
  const char* phase_;
  double from_;
  double to_;
};

RaceOptions one_seed(const EvidenceOptions& options, std::int64_t steps, Races race) {
  return {.steps = steps,
          .final_seeds = 1,
          .search_seeds = 1,
          .evaluate_every = std::max<std::int64_t>(1, steps / 8),
          .divergence_factor = options.divergence_factor,
          .seed = derive_seed(options.seed, Purpose::short_run, static_cast<std::uint64_t>(race)),
          .threads = options.threads,
          .noise_points = 0};
}

// The short run of one optimizer, from those at its two rates.
ShortRun better_run(const std::string& optimizer, const ContestantResult& lower, const ContestantResult& upper) {
  const ContestantResult& better = upper.final_loss < lower.final_loss ? upper : lower;
  ShortRun run{.optimizer = optimizer, .learning_rate = better.learning_rate, .steps = {}, .losses = {}, .trials = {}};
  if (better.finals.empty() || better.finals.front().status != RunStatus::completed) return run;
  for (const CurvePoint& point : better.finals.front().curve) {
    if (std::isnan(point.validation_loss)) continue;
    run.steps.push_back(static_cast<double>(point.step));
    run.losses.push_back(point.validation_loss);
  }
  return run;
}

}  // namespace

Contestant with_rate(const Contestant& contestant, double rate) {
  Contestant moved = contestant;
  moved.learning_rate = rate;
  if (!moved.make_stepper) moved.spec = moved.spec.with_learning_rate_scaled(rate / learning_rate_of(moved.spec));
  return moved;
}

double rate_at_length(const Contestant& contestant, double rate, std::int64_t from, std::int64_t to) {
  const double ratio = static_cast<double>(to) / static_cast<double>(from);
  return rate * std::pow(ratio, -entrant_of(contestant).geometry.rate_exponent());
}

std::vector<Contestant> centred_by_pilots(std::span<const Contestant> contestants, const ProbeReport& probe) {
  const std::map<std::string, double> rates = rates_from_pilots(probe);
  std::vector<Contestant> centred;
  for (const Contestant& contestant : contestants) {
    const auto rate = rates.find(contestant.name);
    centred.push_back(rate == rates.end() ? contestant : with_rate(contestant, rate->second));
  }
  return centred;
}

ShortRace run_short_race(const Problem& problem, std::span<const Contestant> contestants,
                         const EvidenceOptions& options, const EvidenceProgress& progress,
                         const std::stop_token& stop) {
  RaceOptions ladder_options = one_seed(options, options.ladder_steps(), Races::ladder);
  ladder_options.final_seeds = 0;
  ladder_options.max_rates = options.ladder_rates;
  PartOfProgress ladder_progress(progress, "rates", 0.0, 0.4);
  const RaceResult ladder = race(problem, contestants, ladder_options, ladder_progress, stop);
  if (ladder.was_stopped) return {.runs = {}, .was_stopped = true};

  RaceOptions short_options = one_seed(options, options.short_steps(), Races::pairs);
  short_options.max_rates = 1;
  std::vector<Contestant> pairs;
  for (std::size_t j = 0; j < contestants.size(); ++j) {
    const double rate = rate_at_length(contestants[j], ladder.contestants[j].learning_rate, options.ladder_steps(),
                                       options.short_steps());
    for (const double factor : {1.0 / kBracket, kBracket}) {
      pairs.push_back(with_rate(contestants[j], factor * rate));
      pairs.back().name += factor < 1.0 ? " below" : " above";
    }
  }
  PartOfProgress short_progress(progress, "short race", 0.4, 1.0);
  const RaceResult result = race(problem, pairs, short_options, short_progress, stop);
  if (result.was_stopped) return {.runs = {}, .was_stopped = true};

  ShortRace out;
  for (std::size_t j = 0; j < contestants.size(); ++j) {
    const ContestantResult& lower = result.contestants[2 * j];
    const ContestantResult& upper = result.contestants[2 * j + 1];
    out.runs.push_back(better_run(contestants[j].name, lower, upper));
    auto& trials = out.runs.back().trials;
    for (const RunRecord& trial : ladder.contestants[j].search)
      trials.push_back({ladder_options.steps, trial.learning_rate, trial.final_loss});
    for (const ContestantResult* pair : {&lower, &upper})
      trials.push_back({short_options.steps, pair->learning_rate, pair->final_loss});
  }
  return out;
}

}  // namespace normdescent
