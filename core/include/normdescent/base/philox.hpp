// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a pure function of (key, counter), so that results
// depend on the seed and never on threads or call order.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "normdescent/base/multiversion.hpp"

namespace normdescent {

/// Four 32-bit words for one (key, counter).
NORMDESCENT_HOST_DEVICE inline std::array<std::uint32_t, 4> philox4x32(std::uint64_t key, std::uint64_t counter_low,
                                                                       std::uint64_t counter_high) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57U;
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32U);
  std::array<std::uint32_t, 4> x{
      static_cast<std::uint32_t>(counter_low), static_cast<std::uint32_t>(counter_low >> 32U),
      static_cast<std::uint32_t>(counter_high), static_cast<std::uint32_t>(counter_high >> 32U)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = kMultiplier0 * x[0];
    const std::uint64_t p1 = kMultiplier1 * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32U) ^ x[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32U) ^ x[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return x;
}

/// A sequential reader of one stream: key = seed, high counter = stream, low counter = position.
class Philox {
 public:
  using result_type = std::uint64_t;
  explicit Philox(std::uint64_t seed, std::uint64_t stream = 0, std::uint64_t position = 0)
      : seed_(seed), stream_(stream), position_(position) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }

  /// 64 uniform bits.
  result_type operator()() {
    const auto x = philox4x32(seed_, position_++, stream_);
    return (static_cast<std::uint64_t>(x[1]) << 32U) | x[0];
  }
  /// Uniform in the open interval (0, 1), 53 bits.
  double uniform() { return (static_cast<double>((*this)() >> 11U) + 0.5) * 0x1.0p-53; }
  /// Uniform integer in [0, n), n >= 1, by 128-bit multiplication (bias below n / 2^64).
  std::uint64_t below(std::uint64_t n) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * n) >> 64U);
  }
  /// Standard normal by Box-Muller (the cosine half; simple rather than fast).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t position_;
};

}  // namespace normdescent
