// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/bound.hpp"

#include <algorithm>

namespace normdescent {

const char* to_string(FlagKind kind) {
  switch (kind) {
    case FlagKind::saturated: return "saturated";
    case FlagKind::below_horizon_threshold: return "below-horizon-threshold";
    case FlagKind::averaging_condition_violated: return "averaging-condition-violated";
    case FlagKind::step_condition_violated: return "step-condition-violated";
    case FlagKind::gradient_smoothness_assumed: return "gradient-smoothness-assumed";
    case FlagKind::noise_floor_above_target: return "noise-floor-above-target";
    case FlagKind::beyond_double_range: return "beyond-double-range";
  }
  return "unknown";
}

bool Bound::has(FlagKind kind) const {
  return std::ranges::any_of(flags, [kind](const Flag& flag) { return flag.kind == kind; });
}

bool Bound::holds() const {
  return !has(FlagKind::averaging_condition_violated) && !has(FlagKind::step_condition_violated);
}

}  // namespace normdescent
