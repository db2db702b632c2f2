// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/throughput.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "normdescent/linalg/fixed_product.hpp"

namespace normdescent {

double matrix_peak(Precision precision) {
  using Clock = std::chrono::steady_clock;
  constexpr Index kSize = 1024;
  constexpr double kSeconds = 0.05;
  const bool is_narrow = resolve(precision) == Precision::bfloat16;
  const auto layout = fixed_product::Layout::rows(
      kSize, kSize, is_narrow ? fixed_product::Type::bfloat16 : fixed_product::Type::float32);
  const fixed_product::Product product(layout, layout,
                                       fixed_product::Layout::rows(kSize, kSize, fixed_product::Type::float32));
  const std::vector<float> a(kSize * kSize), b(kSize * kSize);  // zeros in either type
  std::vector<float> c(kSize * kSize);
  product.run(a.data(), b.data(), c.data());  // the first one touches the memory
  double best = 1e9;
  double total = 0.0;
  while (total < kSeconds) {
    const auto start = Clock::now();
    product.run(a.data(), b.data(), c.data());
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return 2.0 * static_cast<double>(kSize * kSize * kSize) / best;
}

}  // namespace normdescent
