// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "normdescent/linalg/reductions.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent::optimizers {

/// ||u||_2 of tensors of up to `largest` entries, from fixed blocks, so that the result depends neither on threads nor
/// on other tensors.
class BlockedNorm {
 public:
  explicit BlockedNorm(Index largest) : blocks_(static_cast<std::size_t>(largest) / kBlock + 1) {}

  template <class T>
  [[nodiscard]] double operator()(std::span<const T> u) {
    const std::size_t count = (u.size() + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(static) if (count > 1)
    for (std::size_t k = 0; k < count; ++k) {
      blocks_[k] = norm2(u.subspan(k * kBlock, std::min(kBlock, u.size() - k * kBlock)));
    }
    return norm2(std::span<const double>(blocks_).first(count));
  }

 private:
  static constexpr auto kBlock = static_cast<std::size_t>(rules::kPieceElements);
  std::vector<double> blocks_;
};

/// 1 / norm with 1/0 := 0; also 0 for norms so small that their inverse is not a double.
[[nodiscard]] inline double inverse_or_zero(double norm) {
  const double inverse = 1.0 / norm;
  return std::isfinite(inverse) ? inverse : 0.0;
}

}  // namespace normdescent::optimizers
