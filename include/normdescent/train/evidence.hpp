// SPDX-License-Identifier: Apache-2.0
// Gathers what a prediction rests on: a probe at the start, then a short race of the optimizers themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "normdescent/predict/evidence.hpp"
#include "normdescent/predict/models.hpp"
#include "normdescent/probe/probe.hpp"
#include "normdescent/problem/problem.hpp"
#include "normdescent/race/race.hpp"

namespace normdescent {

/// One rate is tried on one seed, the best one on one more. A share of 1/20 of the steps keeps the whole of the
/// evidence near 5% of the race that it predicts.
struct EvidenceOptions {
  ProbeOptions probe;
  std::int64_t steps = 150;       ///< of the race that is predicted
  double short_share = 0.05;      ///< of them, for every run of the short race; 0: no short race
  std::int64_t fewest_steps = 6;  ///< of the short race
  int max_rates = 6;              ///< of each optimizer in it
  double divergence_factor = 3.0;
  std::uint64_t seed = 1;  ///< overrides probe.seed
  int threads = 1;

  [[nodiscard]] std::int64_t short_steps() const;
};

/// Those of a single prediction: without a short race while the library ships no calibration that could use it.
[[nodiscard]] EvidenceOptions evidence_options(const ProbeOptions& probe, std::int64_t steps, std::uint64_t seed,
                                               int threads);

/// `fraction` of the evidence gathered.
using EvidenceProgress = std::function<void(double fraction, std::string_view phase)>;

/// Probe, then short race. A stopped or failed probe ends it: see Evidence::probe.status; no short runs then.
///
/// The short race is a race() of short_steps() steps: same schedule, same divergence rule, other seeds and examples
/// than the race proper will use. Grids are centred where the probe's pilots ended , else at the contestants' own
/// rates.
[[nodiscard]] Evidence gather_evidence(const Problem& problem, std::span<const Contestant> contestants,
                                       const EvidenceOptions& options, const EvidenceProgress& progress = {},
                                       const std::stop_token& stop = {});

/// The contestants with their grids centred at the rates that a run of full length is expected to prefer, from the
/// short race's; those without one keep theirs.
[[nodiscard]] std::vector<Contestant> centred_by_short_race(std::span<const Contestant> contestants,
                                                            const Evidence& evidence);

/// What a prediction needs to know of a contestant.
[[nodiscard]] Entrant entrant_of(const Contestant& contestant);

}  // namespace normdescent
