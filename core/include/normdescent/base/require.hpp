// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>
#include <stdexcept>

namespace normdescent {

/// std::invalid_argument "field = value, must be <domain>" unless `holds`.
template <class T>
void require(bool holds, const char* field, const T& value, const char* domain) {
  if (holds) return;
  std::ostringstream text;
  text << field << " = " << value << ", must be " << domain;
  throw std::invalid_argument(text.str());
}

}  // namespace normdescent
