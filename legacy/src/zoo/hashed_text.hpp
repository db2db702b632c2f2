// SPDX-License-Identifier: Apache-2.0
// A sparse table made from real text: hashed counts of byte trigrams, and what kind of text they come from.
#pragma once

#include "examples.hpp"

namespace normdescent {

inline constexpr std::int64_t kHashedColumns = 1024;
inline constexpr std::int64_t kHashedClasses = 3;  ///< headers of C++, other headers, licence texts

/// One example is a piece of 48 bytes. inputs (batch, kHashedColumns): counts over sqrt(number of trigrams); about 45
/// columns of 1024 are not zero. Held out are 512 pieces of files that training never sees.
[[nodiscard]] ExampleSource hashed_text_source();

}  // namespace normdescent
