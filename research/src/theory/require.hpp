// SPDX-License-Identifier: Apache-2.0
// Domain checks with one wording: "field = value, must be ...". NaN fails every one of them.
#pragma once

#include <string>
#include <string_view>

#include "normdescent/theory/constants.hpp"

namespace normdescent::theory {

/// At most 10 significant digits: messages and flags, not results.
[[nodiscard]] std::string to_text(double value);
[[noreturn]] void refuse(std::string_view field, double value, std::string_view domain);

void require_positive(std::string_view field, double value);
void require_non_negative(std::string_view field, double value);
void require_at_least_one(std::string_view field, double value);
void require_fraction(std::string_view field, double value);  ///< (0, 1]
void require_tail(double tail);                               ///< (1, 2]
/// dimension >= 1 and density in [1/dimension, 1], up to round-off at the lower end.
void require_density(std::string_view dimension_field, double dimension, std::string_view density_field,
                     double density);
/// epsilon in (0, sqrt(2 L Delta)): from there on the start satisfies the target already.
void require_target(const ProblemConstants& constants, double epsilon);

}  // namespace normdescent::theory
