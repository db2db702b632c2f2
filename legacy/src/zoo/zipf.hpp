// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace normdescent {

/// p(k) ~ 1 / (k + 1)^exponent on 0 .. n - 1, drawn by inversion: u uniform in (0, 1) -> k. Exponent 0 is uniform.
class Zipf {
 public:
  Zipf(std::size_t n, double exponent) : cumulative_(n) {
    double sum = 0.0;
    for (std::size_t k = 0; k < n; ++k) cumulative_[k] = sum += std::pow(static_cast<double>(k + 1), -exponent);
    for (double& c : cumulative_) c /= sum;
  }
  [[nodiscard]] std::int64_t operator()(double uniform) const {
    return std::lower_bound(cumulative_.begin(), cumulative_.end() - 1, uniform) - cumulative_.begin();
  }

 private:
  std::vector<double> cumulative_;
};

}  // namespace normdescent
