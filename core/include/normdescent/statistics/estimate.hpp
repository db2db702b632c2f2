// SPDX-License-Identifier: Apache-2.0
// A value with its standard error, and the bias of a sample standard deviation.
#pragma once

#include <cstdint>

namespace normdescent {

/// c4(K) = sqrt(2 / (K - 1)) Gamma(K / 2) / Gamma((K - 1) / 2): E of the sample standard deviation of K Gaussians with
/// unit variance. K >= 2; 0 below.
[[nodiscard]] double c4(std::int64_t count);

/// A value with one standard error (0: not estimated).
struct Estimate {
  double value = 0.0;
  double standard_error = 0.0;
};

}  // namespace normdescent
