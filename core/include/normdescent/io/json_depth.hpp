// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace normdescent {

/// No document of ours nests deeper than ten.
inline constexpr int kMaxJsonDepth = 64;

/// Whether brackets nest deeper than kMaxJsonDepth. Every reader of JSON asks this first: copying and printing a parsed
/// value recurse, so a file of brackets would use up the stack. Reads the text once; what is no JSON gets any answer.
[[nodiscard]] bool json_nests_too_deep(std::string_view text);

}  // namespace normdescent
