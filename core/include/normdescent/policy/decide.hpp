// SPDX-License-Identifier: Apache-2.0
// From what is believed to an answer that a person can use, with its reasons.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "normdescent/policy/belief.hpp"
#include "normdescent/policy/decision.hpp"
#include "normdescent/policy/policy.hpp"

namespace normdescent {

/// What "best" means. automatic: fewest steps, unless another candidate was measured to be faster by the clock by more
/// than Policy::Spending::clock_advantage.
enum class PlanObjective { automatic, steps, time };
[[nodiscard]] const char* to_string(PlanObjective objective);
/// std::invalid_argument for other words than auto, steps, time.
[[nodiscard]] PlanObjective plan_objective(const std::string& text);

/// Candidates with what the policy knows of them, on one model at one length.
class Field {
 public:
  /// std::invalid_argument for no candidate, two of one name, or a baseline that is none of them (empty: adamw, else
  /// the first one).
  Field(std::vector<Candidate> candidates, const Features& features, const Policy& policy, const std::string& baseline);

  [[nodiscard]] Belief believe(std::span<const RunObservation> observations) const;
  [[nodiscard]] const std::vector<Candidate>& candidates() const { return candidates_; }
  [[nodiscard]] const std::vector<Prior>& priors() const { return priors_; }
  [[nodiscard]] std::size_t baseline() const { return baseline_; }
  /// std::invalid_argument for an unknown name.
  [[nodiscard]] std::size_t index(const std::string& name) const;
  /// log2 of seconds a step, up to a common number: measured where it was, else from the policy. `seconds[j]` 0: not.
  [[nodiscard]] std::vector<double> log2_step_times(std::span<const double> seconds) const;

 private:
  std::vector<Candidate> candidates_;
  std::vector<Prior> priors_;
  SquareMatrix correlation_;
  Policy::Transfer transfer_;
  std::size_t baseline_ = 0;
};

/// What is measured beside losses.
struct Measured {
  std::vector<double> seconds_per_step;  ///< by candidate; 0: not measured
  std::vector<int> runs;
  std::vector<bool> diverged;  ///< all of its runs
};

/// `belief` as it is; the choice without it is that of the field's priors. expected_gain_of_more is left at 0.
[[nodiscard]] Decision decide(const Field& field, const Belief& belief, const Measured& measured,
                              PlanObjective objective, const Policy& policy, std::uint64_t seed);

}  // namespace normdescent
