// SPDX-License-Identifier: Apache-2.0
// Results that repeat, but for the clock.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace normdescent::test {

/// Removes what is read off a clock, at any depth: seconds and speed-ups in time.
inline void drop_measured_seconds(nlohmann::json& json) {
  if (json.is_object()) {
    for (const char* key : {"seconds", "seconds_per_step", "time"}) json.erase(key);
  }
  if (!json.is_structured()) return;
  for (auto& item : json) drop_measured_seconds(item);
}

}  // namespace normdescent::test
