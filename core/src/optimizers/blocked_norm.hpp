// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "normdescent/linalg/reductions.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent::optimizers {

/// ||u||_2 of many tensors in one parallel region, from fixed blocks of each, so that a result depends neither on
/// threads nor on other tensors. A tensor with NaN or infinity has a norm that is not finite.
class BlockedNorms {
 public:
  /// For that many tensors with `total` entries together.
  BlockedNorms(std::size_t tensors, Index total)
      : ends_(tensors), blocks_(tensors + static_cast<std::size_t>(total) / kBlock) {}

  /// norms[i] = ||u(i)||_2, where u(i) is a std::span<const T>.
  template <class U>
  void operator()(const U& u, std::span<double> norms) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < norms.size(); ++i) ends_[i] = count += blocks_of(u(i).size());
    const auto ends = std::span(ends_).first(norms.size());
#pragma omp parallel for schedule(static) if (count > 1)
    for (std::size_t block = 0; block < count; ++block) {
      const auto i = static_cast<std::size_t>(std::ranges::upper_bound(ends, block) - ends.begin());
      const auto whole = u(i);
      const std::size_t first = (block + blocks_of(whole.size()) - ends[i]) * kBlock;
      blocks_[block] = norm2(whole.subspan(first, std::min(kBlock, whole.size() - first)));
    }
    for (std::size_t i = 0; i < norms.size(); ++i) {
      const std::size_t own = blocks_of(u(i).size());
      norms[i] = norm2(std::span<const double>(blocks_).subspan(ends[i] - own, own));
    }
  }

 private:
  static constexpr auto kBlock = static_cast<std::size_t>(rules::kPieceElements);
  static constexpr std::size_t blocks_of(std::size_t size) { return (size + kBlock - 1) / kBlock; }

  std::vector<std::size_t> ends_;
  std::vector<double> blocks_;
};

/// 1 / norm with 1/0 := 0; also 0 for norms so small that their inverse is not a double.
[[nodiscard]] inline double inverse_or_zero(double norm) {
  const double inverse = 1.0 / norm;
  return std::isfinite(inverse) ? inverse : 0.0;
}

}  // namespace normdescent::optimizers
