// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/stochastic_rounding.hpp"

#include <algorithm>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent {

std::uint64_t rounding_stream(const std::string& name) {
  return hash_bytes({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

void round_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t step) {
  constexpr std::size_t kNumbersPerDraw = 8;
  const std::size_t draws = (x.size() + kNumbersPerDraw - 1) / kNumbersPerDraw;
#pragma omp parallel for schedule(static) if (draws > 4096)
  for (std::size_t k = 0; k < draws; ++k) {
    const auto words = philox4x32(seed, (step << 40U) + k, stream);
    const std::size_t last = std::min(x.size(), (k + 1) * kNumbersPerDraw);
    for (std::size_t i = k * kNumbersPerDraw; i < last; ++i) {
      const std::size_t j = i % kNumbersPerDraw;
      out[i] = round_stochastically(x[i], static_cast<std::uint16_t>(words[j / 2] >> (16U * (j % 2))));
    }
  }
}

}  // namespace normdescent
