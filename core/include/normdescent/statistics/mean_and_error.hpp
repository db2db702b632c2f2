// SPDX-License-Identifier: Apache-2.0
// Mean of independent repetitions with its standard error (0 for fewer than 2).
#pragma once

#include <cmath>
#include <span>

#include "normdescent/statistics/estimate.hpp"

namespace normdescent::probe_detail {

inline Estimate mean_and_error(std::span<const double> values) {
  Estimate result;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) result.value += v / n;
  if (values.size() < 2) return result;
  double squares = 0.0;
  for (const double v : values) squares += (v - result.value) * (v - result.value);
  result.standard_error = std::sqrt(squares / (n * (n - 1.0)));
  return result;
}

}  // namespace normdescent::probe_detail
