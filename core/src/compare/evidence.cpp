// SPDX-License-Identifier: Apache-2.0
#include "normdescent/compare/evidence.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/predict/calibration.hpp"
#include "short_race.hpp"

namespace normdescent {

std::int64_t EvidenceOptions::short_steps() const { return share_of_steps(short_share); }

std::int64_t EvidenceOptions::ladder_steps() const { return share_of_steps(ladder_share); }

std::int64_t EvidenceOptions::share_of_steps(double share) const {
  if (!(share > 0.0)) return 0;
  const auto rounded = static_cast<std::int64_t>(std::llround(share * static_cast<double>(steps)));
  return std::min(steps, std::max(fewest_steps, rounded));
}

EvidenceOptions evidence_options(const ProbeOptions& probe, std::int64_t steps, std::uint64_t seed, int threads) {
  EvidenceOptions options{.probe = probe, .steps = steps, .seed = seed, .threads = threads};
  if (shipped_examples().empty()) options.short_share = 0.0;
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
    const auto objective = problem.instantiate(derive_seed(options.seed, Purpose::probe));
    evidence.probe = probe(
        *objective, problem.batch_size(), probe_options,
        [&](double fraction, std::string_view phase) {
          if (progress) progress(has_short_race ? 0.5 * fraction : fraction, phase);
        },
        stop);
  }
  if (!has_short_race || evidence.probe.status != ProbeStatus::completed) return evidence;

  ShortRace short_race = run_short_race(
      problem, centred_by_pilots(contestants, evidence.probe), options,
      [&](double fraction, std::string_view phase) {
        if (progress) progress(0.5 + 0.5 * fraction, phase);
      },
      stop);
  if (short_race.was_stopped) {
    evidence.probe.status = ProbeStatus::stopped;
    evidence.probe.reason = "stopped on request";
    return evidence;
  }
  evidence.short_steps = options.short_steps();
  evidence.short_runs = std::move(short_race.runs);
  return evidence;
}

std::vector<Contestant> centred_by_short_race(std::span<const Contestant> contestants, const Evidence& evidence,
                                              std::int64_t steps) {
  std::vector<Contestant> centred;
  for (const Contestant& contestant : contestants) {
    const ShortRun* run = evidence.find_short(contestant.name);
    const bool has_rate = run != nullptr && !run->losses.empty();
    centred.push_back(
        has_rate ? with_rate(contestant, rate_at_length(contestant, run->learning_rate, evidence.short_steps, steps))
                 : contestant);
  }
  return centred;
}

}  // namespace normdescent
