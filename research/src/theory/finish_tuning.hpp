// SPDX-License-Identifier: Apache-2.0
// The last step of every tuning: whole counts, and the bound at the settings that doubles can hold.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "assumptions.hpp"
#include "magnitude.hpp"
#include "normdescent/theory/tuning.hpp"
#include "require.hpp"
#include "rounding.hpp"

namespace normdescent::theory {

inline const Magnitude kOne(1.0);

[[nodiscard]] inline bool is_usable(double value) {
  return std::isfinite(value) && value >= std::numeric_limits<double>::min();
}

// Fills counts and evaluates the bound; `evaluate` sees run settings that are ordinary doubles.
template <class Evaluate>
[[nodiscard]] Tuning finished(const GradientEstimator& estimator, bool averages_fit, Magnitude eta, Magnitude steps,
                              Magnitude batch, double epsilon, const Evaluate& evaluate) {
  const Magnitude T = whole_up(std::max(steps, kOne));
  const Magnitude B = whole_up(std::max(batch, kOne));
  const Magnitude N = T * B;
  Tuning tuning{.estimator = estimator,
                .run = {.learning_rate = eta.value(), .steps = whole_value(T), .batch = whole_value(B)},
                .samples = N.value(),
                .log10_steps = T.log10(),
                .log10_samples = N.log10(),
                .bound = {}};
  const bool is_in_range = averages_fit && is_usable(tuning.run.learning_rate) && std::isfinite(tuning.samples);
  if (is_in_range) {
    tuning.samples = tuning.run.steps * tuning.run.batch;
    tuning.bound = evaluate(tuning.run);
  } else {
    // Metadata at harmless settings; the value is what the tuning guarantees.
    tuning.bound = evaluate(RunSettings{});
    tuning.bound.flags.clear();
    set_value(tuning.bound, epsilon);
    tuning.bound.flags.push_back(
        {FlagKind::beyond_double_range, tuning.log10_samples,
         "samples = 10^" + to_text(tuning.log10_samples) + " or the learning rate leave the range of a double"});
  }
  return tuning;
}

}  // namespace normdescent::theory
