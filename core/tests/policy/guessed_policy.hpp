// SPDX-License-Identifier: Apache-2.0
// A policy whose constants stay what they are when the shipped ones are fitted anew: known answers rest on it.
#pragma once

#include "normdescent/policy/policy.hpp"

namespace normdescent::test {

inline const Policy& guessed_policy() {
  static const Policy policy = Policy::parse(R"json({
  "version": 1,
  "features": {
    "steps": {"log2": true, "centre": 8.5, "usual": 1000},
    "batch_size": {"log2": true, "centre": 5, "usual": 32},
    "parameters": {"log2": true, "centre": 17, "usual": 131072},
    "hidden_share": {"log2": false, "centre": 1, "usual": 0.7},
    "embedding_share": {"log2": false, "centre": 0, "usual": 0.1},
    "matrices": {"log2": true, "centre": 3, "usual": 8}
  },
  "kinds": {
    "muon": {"log2_rate": {"intercept": -6, "steps": -0.2}, "rate_deviation": 1.0,
             "log2_regret": {"intercept": 0.1, "hidden_share": -0.75, "steps": 0.05}, "regret_deviation": 0.4,
             "cost": {"below": 0.11, "above": 0.16, "knee": 4}, "rate_shift": 0.25, "regret_shift": -0.02,
             "step_time": 1.5, "diverges_above": 4.5, "divergence_width": 1},
    "muonlight": {"log2_rate": {"intercept": -6, "steps": -0.2}, "rate_deviation": 1.2,
             "log2_regret": {"intercept": 0.2, "hidden_share": -0.75, "steps": 0.05}, "regret_deviation": 0.5,
             "cost": {"below": 0.11, "above": 0.16, "knee": 4}, "rate_shift": 0.25, "regret_shift": -0.02,
             "step_time": 1.5, "diverges_above": 4.5, "divergence_width": 1},
    "adamw": {"log2_rate": {"intercept": -8, "hidden_share": -0.5, "steps": -0.2}, "rate_deviation": 1.2,
              "log2_regret": {"intercept": 0.95, "hidden_share": 0.65, "steps": -0.05}, "regret_deviation": 0.7,
              "cost": {"below": 0.12, "above": 0.2, "knee": 3}, "rate_shift": 0.25, "regret_shift": 0,
              "step_time": 1, "diverges_above": 3.5, "divergence_width": 1},
    "signsgd": {"log2_rate": {"intercept": -10, "steps": -0.3}, "rate_deviation": 1.3,
                "log2_regret": {"intercept": 1.25, "hidden_share": 0.3}, "regret_deviation": 0.8,
                "cost": {"below": 0.15, "above": 0.25, "knee": 3}, "rate_shift": 0.35, "regret_shift": 0,
                "step_time": 0.8, "diverges_above": 3.5, "divergence_width": 1},
    "signum": {"log2_rate": {"intercept": -11, "steps": -0.3}, "rate_deviation": 1.3,
               "log2_regret": {"intercept": 1.3, "hidden_share": 0.3}, "regret_deviation": 0.8,
               "cost": {"below": 0.15, "above": 0.25, "knee": 3}, "rate_shift": 0.35, "regret_shift": 0,
               "step_time": 0.8, "diverges_above": 3.5, "divergence_width": 1},
    "lion": {"log2_rate": {"intercept": -11, "steps": -0.3}, "rate_deviation": 1.3,
             "log2_regret": {"intercept": 1.4, "hidden_share": 0.4}, "regret_deviation": 0.8,
             "cost": {"below": 0.15, "above": 0.25, "knee": 3}, "rate_shift": 0.35, "regret_shift": 0,
             "step_time": 0.9, "diverges_above": 3.5, "divergence_width": 1},
    "sgd-momentum": {"log2_rate": {"intercept": -4, "steps": 0}, "rate_deviation": 2,
                     "log2_regret": {"intercept": 1.4, "hidden_share": 0.7, "steps": -0.1}, "regret_deviation": 1,
                     "cost": {"below": 0.2, "above": 0.3, "knee": 3}, "rate_shift": 0.1, "regret_shift": 0,
                     "step_time": 0.7, "diverges_above": 2.5, "divergence_width": 1},
    "sgd": {"log2_rate": {"intercept": -2, "steps": 0}, "rate_deviation": 2.5,
            "log2_regret": {"intercept": 2.2, "hidden_share": 1}, "regret_deviation": 1.2,
            "cost": {"below": 0.2, "above": 0.3, "knee": 3}, "rate_shift": 0, "regret_shift": 0,
            "step_time": 0.6, "diverges_above": 2, "divergence_width": 1},
    "normalized-sgd": {"log2_rate": {"intercept": -2, "steps": -0.1}, "rate_deviation": 2,
            "log2_regret": {"intercept": 1.7, "hidden_share": 0.7}, "regret_deviation": 1,
            "cost": {"below": 0.15, "above": 0.25, "knee": 3}, "rate_shift": 0.1, "regret_shift": 0,
            "step_time": 0.7, "diverges_above": 3, "divergence_width": 1},
    "custom": {"rate_deviation": 1.5, "log2_regret": {"intercept": 1.0}, "regret_deviation": 0.9,
               "cost": {"below": 0.15, "above": 0.22, "knee": 3}, "rate_shift": 0.25, "regret_shift": 0,
               "step_time": 1.2, "diverges_above": 3, "divergence_width": 1}
  },
  "correlations": [["signsgd", "lion", 0.5], ["signsgd", "signum", 0.6], ["signum", "lion", 0.6], ["adamw", "lion", 0.3],
                   ["adamw", "signsgd", 0.3], ["sgd", "sgd-momentum", 0.6], ["muon", "muonlight", 0.8]],
  "same_kind_correlation": 0.8,
  "transfer": {"rate_deviation": 0.3, "rate_deviation_slope": 0.25, "regret_deviation": 0.08, "regret_deviation_slope": 0.1, "noise": 0.1, "noise_slope": 0.3,
               "closeness_floor": 0.05, "closeness_scale": 0.4},
  "spending": {"divisors": [32, 16, 8, 4, 2, 1], "fewest_steps": 10, "rate_step": 1, "guess_deviation": 1.5,
               "smallest_gain": 0.002, "clock_advantage": 1.25}
})json");
  return policy;
}

}  // namespace normdescent::test
