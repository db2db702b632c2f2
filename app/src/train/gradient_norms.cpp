// SPDX-License-Identifier: Apache-2.0
#include "gradient_norms.hpp"

#include <algorithm>
#include <vector>

#include "normdescent/linalg/reductions.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent::train_detail {

GradientNorms gradient_norms(std::span<const Parameter> parameters) {
  constexpr auto kBlock = static_cast<std::size_t>(rules::kPieceElements);  // stays in the cache for three sums
  std::vector<std::span<const float>> blocks;
  for (const auto& parameter : parameters) {
    const std::span<const float> gradient = parameter.gradient;
    for (std::size_t first = 0; first < gradient.size(); first += kBlock)
      blocks.push_back(gradient.subspan(first, std::min(kBlock, gradient.size() - first)));
  }
  std::vector<double> l1(blocks.size());
  std::vector<double> l2(blocks.size());
  std::vector<double> linf(blocks.size());
#pragma omp parallel for schedule(static) if (blocks.size() > 1)
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    l1[b] = norm1(blocks[b]);
    l2[b] = norm2(blocks[b]);
    linf[b] = max_abs(blocks[b]);
  }
  return {.l1 = norm1(std::span<const double>(l1)),
          .l2 = norm2(std::span<const double>(l2)),
          .linf = max_abs(std::span<const double>(linf))};
}

}  // namespace normdescent::train_detail
