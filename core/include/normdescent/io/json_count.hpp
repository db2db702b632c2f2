// SPDX-License-Identifier: Apache-2.0
// Whole numbers out of JSON that anybody may have written.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace normdescent {

/// `value` (of nlohmann's type, which this header does not need) if it is a whole number in [0, the largest T]; its
/// exception naming `what` for anything else. get<T>() alone converts whatever number there is: -1, and 1e300, which
/// is undefined.
template <class T, class Json>
[[nodiscard]] T json_count(const Json& value, const std::string& what) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  if (!value.is_number_unsigned() || value.template get<std::uint64_t>() > kLargest)
    throw Json::other_error::create(501, what + " is " + value.dump() + ", no count", &value);
  return static_cast<T>(value.template get<std::uint64_t>());
}

}  // namespace normdescent
