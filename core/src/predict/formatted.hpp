// SPDX-License-Identifier: Apache-2.0
// printf into a string: g++ 12 has no std::format.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace normdescent {

/// At most 399 bytes; the rest is cut off.
template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

}  // namespace normdescent
