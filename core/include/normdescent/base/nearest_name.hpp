// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?" for every place where a person types a name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace normdescent {

/// The candidate with the smallest edit distance to `typed`, if it is near enough to be a plausible slip.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view typed, std::span<const std::string> candidates);

}  // namespace normdescent
