// SPDX-License-Identifier: Apache-2.0
// Directions of one tensor in plain double loops, row-major matrices, for plain_optimizer.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "normdescent/optimizers/recipe.hpp"

namespace normdescent::conformance {

using Numbers = std::vector<double>;

/// What adaptive directions remember of a tensor.
struct Squares {
  Numbers entries{};  ///< AdaGrad's sum, Adam's average
  double norm = 0.0;  ///< AdaGrad-Norm's b
};

struct PlainShape {
  Index rows = 0;
  Index cols = 0;
  std::int64_t steps = 0;  ///< this one included
};

[[nodiscard]] double plain_norm(const Numbers& x);
/// sum of u_i v_i^T over the singular values above rounding.
[[nodiscard]] Numbers plain_msign(const Numbers& u, Index rows, Index cols);
/// msign of the upper and of the lower half of the rows.
[[nodiscard]] Numbers plain_msign_of_halves(const Numbers& u, Index rows, Index cols);
/// d from the estimate u and the fed gradient c; u itself for Normalize and AdaGradNorm, which look at all tensors.
/// Throws std::logic_error naming a direction that has no plain form here.
[[nodiscard]] Numbers plain_direction(const Recipe& recipe, const PlainShape& shape, const Numbers& u, const Numbers& c,
                                      Squares& squares);

}  // namespace normdescent::conformance
