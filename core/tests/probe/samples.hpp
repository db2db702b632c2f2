// SPDX-License-Identifier: Apache-2.0
// Noise laws with known moments and tails for the tests of this room (theory 3.5).
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent::testing {

inline double student(Philox& random, int degrees_of_freedom) {
  double chi_squared = 0.0;
  for (int j = 0; j < degrees_of_freedom; ++j) {
    const double z = random.normal();
    chi_squared += z * z;
  }
  return random.normal() / std::sqrt(chi_squared / degrees_of_freedom);
}

inline double symmetric_pareto(Philox& random, double tail) {
  const double size = std::pow(random.uniform(), -1.0 / tail);
  return random.uniform() < 0.5 ? size : -size;
}

/// Chambers-Mallows-Stuck; tail = 2 is N(0, 2).
inline double symmetric_stable(Philox& random, double tail) {
  const double v = std::numbers::pi * (random.uniform() - 0.5);
  const double w = -std::log(random.uniform());
  return std::sin(tail * v) / std::pow(std::cos(v), 1.0 / tail) *
         std::pow(std::cos((1.0 - tail) * v) / w, (1.0 - tail) / tail);
}

/// One tensor a size, named t0, t1, ...
inline std::vector<ParameterInfo> vectors(const std::vector<Index>& sizes) {
  std::vector<ParameterInfo> infos;
  for (const Index size : sizes) {
    ParameterInfo info;
    info.name = "t";
    info.name += std::to_string(infos.size());
    info.shape = {size};
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace normdescent::testing
