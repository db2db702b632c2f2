// SPDX-License-Identifier: Apache-2.0
// What many races have taught: which learning rates and which optimizers to expect on a model before anything is
// measured, and what a small copy of a run is worth. Constants are data (core/data/policy.json), fitted over the zoo.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "normdescent/policy/decision.hpp"

namespace normdescent {

/// Facts about model and data by name. Those that the shipped policy looks at:
///   steps, batch_size, parameters
///   hidden_share     share of the parameters in hidden matrices (those that Muon orthogonalizes)
///   embedding_share  share in embeddings and the output head
///   matrices         number of hidden matrices
/// Others are ignored; a missing one, or NaN, counts as that feature's usual value.
using Features = std::map<std::string, double>;

/// An optimizer that takes part.
struct Candidate {
  std::string name;
  std::string kind;                     ///< the catalog's optimizer that it is, if any ("muon"); else "custom"
  std::optional<double> learning_rate;  ///< a first guess, or the only one; a custom candidate must have it
  bool rate_is_fixed = false;           ///< the rate is not to be searched
};

struct Gaussian {
  double mean = 0.0;
  double deviation = 1.0;
};
/// Of a quantity with prior `prior` that was measured as `value` with error `error` (a standard deviation):
/// precisions add, the mean is weighted by them.
[[nodiscard]] Gaussian updated(const Gaussian& prior, double value, double error);

/// What a rate next to the best one costs, in log2 of steps: `below` (`above`) times the square of the distance in
/// octaves, from `knee` octaves on along the tangent.
struct RateCost {
  double below = 0.12;
  double above = 0.2;
  double knee = 3.0;
  [[nodiscard]] double operator()(double octaves) const;  ///< octaves above the best rate
  /// Mean over a best rate that is known up to a Gaussian: cost of `octaves` - deviation x standard normal.
  [[nodiscard]] double expected(double octaves, double deviation) const;
};

/// A linear function of transformed features.
struct LinearRule {
  double intercept = 0.0;
  std::map<std::string, double> slopes;
};

/// What is known of one kind of optimizer.
struct KindPolicy {
  LinearRule log2_rate;         ///< of the best rate
  double rate_deviation = 1.5;  ///< octaves
  LinearRule log2_regret;       ///< of its steps, best rate, over those of the best optimizer
  double regret_deviation = 0.8;
  RateCost cost;
  double rate_shift = 0.25;       ///< octaves that the best rate rises for each halving of the length
  double regret_shift = 0.0;      ///< that log2_regret rises for each halving of the length
  double step_time = 1.0;         ///< seconds of a step over those of AdamW, until they are measured
  double diverges_above = 3.0;    ///< octaves above the best rate, where half of all runs diverge
  double divergence_width = 0.7;  ///< of that edge, a standard deviation in octaves
};

/// What is believed of a candidate before it was run. Rates are log2.
struct Prior {
  Gaussian rate;
  Gaussian regret;
  RateCost cost;
  double rate_shift = 0.0;
  double regret_shift = 0.0;
  double step_time = 1.0;
  double diverges_above = 3.0;
  double divergence_width = 0.7;
  bool rate_is_fixed = false;  ///< rate.mean is the one rate that is run; regret is that at this rate
};

class Policy {
 public:
  /// From the text of a policy file. std::invalid_argument names what is missing or wrong.
  [[nodiscard]] static Policy parse(std::string_view json);
  [[nodiscard]] const std::string& text() const { return text_; }

  /// std::invalid_argument for a custom candidate, or one of a kind that the policy does not know, without a rate.
  [[nodiscard]] Prior prior(const Candidate& candidate, const Features& features) const;
  /// Between what is not known of two candidates' regrets before they were run.
  [[nodiscard]] double correlation(const Candidate& a, const Candidate& b) const;
  [[nodiscard]] bool knows(std::string_view kind) const { return kinds_.contains(std::string(kind)); }

  /// What a run of 2^-halvings of the length says about the whole one.
  struct Transfer {
    double rate_deviation = 0.3;         ///< octaves: error of a best rate carried over, beside that of each halving
    double rate_deviation_slope = 0.25;  ///< octaves for each halving; the two add in squares
    double regret_deviation = 0.08;      ///< log2 of steps: error of a regret carried over, no halving
    double regret_deviation_slope = 0.1;
    double noise = 0.1;             ///< log2 of steps, of one run
    double noise_slope = 0.3;       ///< share of a regret that is added to it
    double closeness_floor = 0.05;  ///< see closeness_regret
    double closeness_scale = 0.4;
  } transfer;

  /// How the planner spends.
  struct Spending {
    std::vector<int> divisors = {32, 16, 8, 4, 2, 1};  ///< of the run's length, for its copies
    std::int64_t fewest_steps = 10;                    ///< of a copy
    double smallest_share = 0.0;    ///< of the budget: shorter copies say too little where longer ones can be paid for
    double rate_step = 1.0;                            ///< octaves: copies run at rates that are whole multiples of it
    double guess_deviation = 1.5;                      ///< octaves: how far a rate that the user gives is trusted
    double smallest_gain = 0.002;   ///< log2 of steps: the planner stops where no round promises more
    double clock_advantage = 1.25;  ///< a candidate that is faster by the clock by more than this takes the choice
  } spending;

 private:
  struct Transform {
    bool log2 = false;
    double centre = 0.0;  ///< of the transformed value
    double usual = 0.0;   ///< value where the feature is missing
  };
  [[nodiscard]] double evaluate(const LinearRule& rule, const Features& features) const;

  std::string text_;
  std::map<std::string, Transform> transforms_;
  std::map<std::string, KindPolicy> kinds_;  ///< with "custom"
  std::map<std::pair<std::string, std::string>, double> correlations_;
  double same_kind_correlation_ = 0.8;
};

/// The policy that the library was built with.
[[nodiscard]] const Policy& shipped_policy();

/// From losses to log2 of steps. A loss that leaves a share u of the best descent undone, u = (loss - lowest) /
/// (start - lowest) in [0, 1], counts as scale x log2((floor + u) / floor): 0 for the lowest one.
[[nodiscard]] double closeness_regret(double loss, double lowest, double start, const Policy::Transfer& transfer);

/// The choice without any run: what the policy expects of these candidates on a model with these features.
/// std::invalid_argument for no candidate, two of one name, or steps or batch size below 1.
[[nodiscard]] Decision suggest(std::span<const Candidate> candidates, Features features, std::int64_t steps,
                               std::int64_t batch_size, const Policy& policy = shipped_policy());

/// Those that compare races if nothing else is said, by their catalog names.
[[nodiscard]] std::vector<Candidate> default_candidates();

}  // namespace normdescent
