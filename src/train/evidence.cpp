// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/evidence.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <variant>

#include "normdescent/predict/calibration.hpp"

namespace normdescent {

namespace {

// Best rates over the best rate of the momentum-free optimizer of the same geometry: momentum lengthens steps.
constexpr double kMomentumRatio = 0.4;

// Best rates of a whole run over those of a short race a twentieth as long, where a step's length does not shrink with
// the gradient: between the ratio of the steps and its root (theory U1: eta ~ T^-1/2). Measured on gpt-code-bytes of
// the zoo: SGD 1.0, normalized SGD 0.3, SignSGD and AdamW 0.1, Muon 0.3-1. Too low is the safe side: above the best
// rate of a sign method with momentum the loss has further, worse minima.
double long_over_short(const Entrant& entrant) {
  switch (entrant.geometry) {
    case Geometry::euclidean: return entrant.is_normalized ? 0.3 : 1.0;
    case Geometry::sign: return 0.1;
    case Geometry::spectral:
    case Geometry::row_wise: return 0.5;
  }
  return 1.0;
}

// First final_seed of the race proper is 1000 seed + 101; the probe's objective takes 1000 seed. Far from both:
constexpr std::uint64_t kShortSeeds = 1'000'003;

// Where the pilots ended, as guesses of the first rate of optimizers that share their geometry.
std::map<std::string, double> rates_from_pilots(const ProbeReport& probe) {
  std::map<std::string, double> rates;
  for (const PilotReport& pilot : probe.pilots) {
    if (!(pilot.run.rate > 0.0)) continue;
    rates[pilot.kind.optimizer] = pilot.run.learning_rate;
    if (pilot.kind.geometry == Geometry::sign) {
      rates["signum"] = rates["lion"] = kMomentumRatio * pilot.run.learning_rate;
      rates["adamw"] = pilot.run.learning_rate;
    }
    if (pilot.kind.geometry == Geometry::euclidean && !rates.contains("normalized-sgd"))
      rates["normalized-sgd"] = pilot.run.rate;
  }
  return rates;
}

Contestant centred_at(const Contestant& contestant, double rate) {
  return {contestant.name, contestant.spec.with_learning_rate_scaled(rate / learning_rate_of(contestant.spec))};
}

ShortRun short_run_of(const ContestantResult& result) {
  ShortRun run{
      .optimizer = result.name, .learning_rate = result.learning_rate, .steps = {}, .losses = {}, .trials = {}};
  for (const RunRecord& trial : result.search) run.trials.push_back({trial.learning_rate, trial.final_loss});
  if (result.finals.empty() || result.finals.front().status != RunStatus::completed) return run;
  for (const CurvePoint& point : result.finals.front().curve) {
    if (std::isnan(point.validation_loss)) continue;
    run.steps.push_back(static_cast<double>(point.step));
    run.losses.push_back(point.validation_loss);
  }
  return run;
}

/// Passes the race's progress on as the second half of the evidence.
class ShortRaceProgress : public RaceObserver {
 public:
  explicit ShortRaceProgress(const EvidenceProgress& progress) : progress_(progress) {}
  void on_progress(int runs_done, int runs_planned) override {
    if (progress_ && runs_planned > 0) progress_(0.5 + 0.5 * runs_done / runs_planned, "short race");
  }

 private:
  const EvidenceProgress& progress_;
};

}  // namespace

std::int64_t EvidenceOptions::short_steps() const {
  if (!(short_share > 0.0)) return 0;
  const auto share = static_cast<std::int64_t>(std::llround(short_share * static_cast<double>(steps)));
  return std::min(steps, std::max(fewest_steps, share));
}

EvidenceOptions evidence_options(const ProbeOptions& probe, std::int64_t steps, std::uint64_t seed, int threads) {
  EvidenceOptions options{.probe = probe, .steps = steps, .seed = seed, .threads = threads};
  if (shipped_calibration().optimizers.empty()) options.short_share = 0.0;
  return options;
}

Entrant entrant_of(const Contestant& contestant) {
  const auto& spec = contestant.spec;
  const Recipe& recipe = spec.routes.empty() ? spec.fallback : spec.routes.front().recipe;
  return {.name = contestant.name,
          .geometry = geometry_of(recipe),
          .is_normalized = !std::holds_alternative<Identity>(recipe.direction)};
}

Evidence gather_evidence(const Problem& problem, std::span<const Contestant> contestants,
                         const EvidenceOptions& options, const EvidenceProgress& progress,
                         const std::stop_token& stop) {
  omp_set_num_threads(options.threads);
  Evidence evidence;
  ProbeOptions probe_options = options.probe;
  probe_options.seed = options.seed;
  const bool has_short_race = options.short_steps() > 0;
  {
    const auto objective = problem.instantiate(options.seed * 1000);  // race runs use other seeds of this block
    evidence.probe = probe(
        *objective, problem.batch_size(), probe_options,
        [&](double fraction, std::string_view phase) {
          if (progress) progress(has_short_race ? 0.5 * fraction : fraction, phase);
        },
        stop);
  }
  if (!has_short_race || evidence.probe.status != ProbeStatus::completed) return evidence;

  const std::int64_t steps = options.short_steps();
  const RaceOptions race_options{.steps = steps,
                                 .final_seeds = 1,
                                 .search_seeds = 1,
                                 .max_rates = options.max_rates,
                                 .evaluate_every = std::max<std::int64_t>(1, steps / 6),
                                 .divergence_factor = options.divergence_factor,
                                 .seed = options.seed + kShortSeeds,
                                 .threads = options.threads,
                                 .noise_points = 0};
  const std::map<std::string, double> rates = rates_from_pilots(evidence.probe);
  std::vector<Contestant> centred;
  for (const Contestant& contestant : contestants) {
    const auto rate = rates.find(contestant.name);
    centred.push_back(rate == rates.end() ? contestant : centred_at(contestant, rate->second));
  }
  ShortRaceProgress observer(progress);
  const RaceResult result = race(problem, centred, race_options, observer, stop);
  if (result.was_stopped) {
    evidence.probe.status = ProbeStatus::stopped;
    evidence.probe.reason = "stopped on request";
    return evidence;
  }
  evidence.short_steps = steps;
  for (const ContestantResult& contestant : result.contestants) evidence.short_runs.push_back(short_run_of(contestant));
  return evidence;
}

std::vector<Contestant> centred_by_short_race(std::span<const Contestant> contestants, const Evidence& evidence) {
  std::vector<Contestant> centred;
  for (const Contestant& contestant : contestants) {
    const ShortRun* run = evidence.find_short(contestant.name);
    const bool has_rate = run != nullptr && !run->losses.empty();
    centred.push_back(has_rate ? centred_at(contestant, run->learning_rate * long_over_short(entrant_of(contestant)))
                               : contestant);
  }
  return centred;
}

}  // namespace normdescent
