// SPDX-License-Identifier: Apache-2.0
// Predicted and measured speed-ups as intervals on one logarithmic axis, drawn with HTML boxes so that labels keep
// their size on a phone. Needs no script. The table beside it says the same in words, so it is hidden from screen
// readers.
#pragma once

#include <string>
#include <vector>

namespace normdescent::report {

/// NaN in `value`: there is no such estimate, nothing is drawn.
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

struct IntervalRow {
  std::string name;
  Estimate predicted;
  Estimate measured;
  std::string note;  ///< stands where the measured mark would be, e.g. "diverged"
};

[[nodiscard]] std::string interval_chart(const std::vector<IntervalRow>& rows);

}  // namespace normdescent::report
