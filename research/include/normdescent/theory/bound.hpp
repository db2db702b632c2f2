// SPDX-License-Identifier: Apache-2.0
// What every bound returns: the number, what it rests on, where it comes from, and what to beware of (docs/theory/).
#pragma once

#include <string>
#include <vector>

namespace normdescent {

/// A condition under which a bound holds. Tags: docs/theory/assumptions.md.
struct Assumption {
  std::string tag;        ///< "N1", "S-quad", ...
  std::string statement;  ///< as a formula
  bool checked = false;   ///< true: tested on the inputs of this call; false: the caller vouches for it
};

enum class FlagKind {
  saturated,                ///< the bound is at its cap; threshold: samples (or epsilon) from where on it says more
  below_horizon_threshold,  ///< too few steps for the asymptotic branch; threshold: steps needed
  averaging_condition_violated,  ///< the bound does not hold; threshold: largest admissible a
  step_condition_violated,       ///< the bound does not hold; threshold: largest admissible learning rate
  gradient_smoothness_assumed,   ///< needs S-grad, was given S-quad (up to twice smaller); threshold: 2 L
  noise_floor_above_target,      ///< no number of steps reaches epsilon; threshold: smallest batch that does
  beyond_double_range,           ///< a value over- or underflows fp64: read its log10; threshold: that log10
};

[[nodiscard]] const char* to_string(FlagKind kind);

struct Flag {
  FlagKind kind = FlagKind::saturated;
  double threshold = 0.0;
  std::string text;  ///< one sentence, the threshold included
};

/// A bound on avg_t E||grad f(x_t)||_dual, on E min_t ||grad f(x_t)||_dual, or on a number of samples or steps: the
/// function that returns it says which. Counts are doubles because they may exceed 2^63.
struct Bound {
  double value = 0.0;
  double log10_value = 0.0;  ///< finite where value overflows to infinity or underflows to 0
  std::string source;  ///< "" until evaluated; then a tag of docs/theory/ and the paper, or "constants derived here"
  bool constants_are_ours = false;  ///< true: the rate may be published, these constants are not
  std::vector<Assumption> assumptions;
  std::vector<Flag> flags;

  [[nodiscard]] bool has(FlagKind kind) const;
  /// False if a condition that was checked is violated, so that `value` bounds nothing.
  [[nodiscard]] bool holds() const;
};

}  // namespace normdescent
