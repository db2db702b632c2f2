// SPDX-License-Identifier: Apache-2.0
// Two clocks around a piece of work, and the median of many.
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

namespace normdescent::bench {

struct Seconds {
  double wall = 0.0;
  double cpu = 0.0;
};

template <class F>
Seconds timed(const F& work) {
  const std::clock_t cpu = std::clock();
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC};
}

/// The upper one of an even number.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace normdescent::bench
