// SPDX-License-Identifier: Apache-2.0
// What is answered: which optimizer, at which learning rate, how sure that is, and why.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace normdescent {

/// How many times fewer steps (or seconds) than the baseline a candidate needs to the same loss.
struct Speedup {
  double value = 1.0;
  double low = 1.0;  ///< interval of `level`
  double high = 1.0;
  double level = 0.8;
  std::string basis = "predicted";  ///< "predicted", or "measured" by runs of full length
};

struct CandidateDecision {
  std::string name;
  double learning_rate = 0.0;  ///< to use, if this candidate is
  double learning_rate_low = 0.0;
  double learning_rate_high = 0.0;       ///< the best rate lies between them with a probability of 0.8
  std::optional<Speedup> speedup_steps;  ///< empty where one of the two makes no progress
  std::optional<Speedup> speedup_time;   ///< empty without the seconds of a step of both, measured or expected
  double seconds_per_step = 0.0;         ///< median of those measured; 0: none
  double probability_best = 0.0;         ///< in steps
  double expected_regret = 1.0;          ///< steps over those of the best of all, rate included; geometric mean, >= 1
  double expected_regret_time = 1.0;     ///< the same in seconds
  bool diverged = false;                 ///< all of its runs did
  int runs = 0;                          ///< that were measured
};

struct Choice {
  std::string name;
  double learning_rate = 0.0;
};

struct Decision {
  Choice choice;                      ///< always one: what to use now
  std::string choice_in_steps;        ///< smallest expected regret in steps
  std::string choice_in_time;         ///< and in seconds
  std::optional<std::string> winner;  ///< the candidate whose probability to be best is at least kWinnerProbability
  std::vector<CandidateDecision> candidates;  ///< in the order given
  std::vector<std::string> reasons;           ///< sentences
  double expected_gain_of_more = 0.0;         ///< share of the steps that as much evidence again is expected to save
  Choice default_choice;                      ///< what would have been chosen without any run
};

inline constexpr double kWinnerProbability = 0.95;

}  // namespace normdescent
