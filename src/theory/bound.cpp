// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/bound.hpp"

#include <algorithm>

namespace normdescent {

bool Bound::has(FlagKind kind) const {
  return std::ranges::any_of(flags, [kind](const Flag& flag) { return flag.kind == kind; });
}

bool Bound::holds() const {
  return !has(FlagKind::averaging_condition_violated) && !has(FlagKind::step_condition_violated);
}

}  // namespace normdescent
