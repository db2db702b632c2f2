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
#include "normdescent/race/race.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// The defaults keep the whole of the evidence near 5% of the scoreboard's race.
struct EvidenceOptions {
  ProbeOptions probe;
  std::int64_t steps = 150;       ///< of the race that is predicted
  double short_share = 0.2;       ///< of them, for the two runs of each optimizer in the short race; 0: none
  double ladder_share = 0.05;     ///< of them, for the runs that look for a rate first
  int ladder_rates = 6;           ///< of each optimizer at most
  std::int64_t fewest_steps = 6;  ///< of both
  double divergence_factor = 3.0;
  std::uint64_t seed = 1;  ///< overrides probe.seed
  int threads = 1;

  [[nodiscard]] std::int64_t short_steps() const;
  [[nodiscard]] std::int64_t ladder_steps() const;

 private:
  [[nodiscard]] std::int64_t share_of_steps(double share) const;
};

/// Those of a single prediction: without a short race while the library ships no calibration that could use it.
[[nodiscard]] EvidenceOptions evidence_options(const ProbeOptions& probe, std::int64_t steps, std::uint64_t seed,
                                               int threads);

/// `fraction` of the evidence gathered.
using EvidenceProgress = std::function<void(double fraction, std::string_view phase)>;

/// Probe, then short race. A stopped or failed probe ends it: see Evidence::probe.status; no short runs then.
///
/// The short race has the schedule and the divergence rule of the race proper, and other seeds and examples. Each
/// optimizer first looks for a rate in short runs, beginning where the probe's pilots ended, else at the contestant's
/// own; then it runs for short_steps() at two rates around what that rate becomes at this length.
[[nodiscard]] Evidence gather_evidence(const Problem& problem, std::span<const Contestant> contestants,
                                       const EvidenceOptions& options, const EvidenceProgress& progress = {},
                                       const std::stop_token& stop = {});

/// The contestants with their grids centred at the rates that a run of `steps` is expected to prefer, from the short
/// race's; those without one keep theirs.
[[nodiscard]] std::vector<Contestant> centred_by_short_race(std::span<const Contestant> contestants,
                                                            const Evidence& evidence, std::int64_t steps);

/// What a prediction needs to know of a contestant.
[[nodiscard]] Entrant entrant_of(const Contestant& contestant);

}  // namespace normdescent
