// SPDX-License-Identifier: Apache-2.0
// Sums of outer products of matrix deviations, in groups that tell the error of what is made of them.
//
// Legend   D deviation of a sample from the mean of those before, (m, n)   r = min(m, n)   K samples
//          sample k = 2 .. K is one term, in group k mod groups; the first deviates from nothing
#pragma once

#include <cstdint>
#include <span>

#include "normdescent/base/view.hpp"
#include "normdescent/probe/matrix_noise.hpp"

namespace normdescent::probe_detail {

/// d = a - b, entry by entry.
void subtract(std::span<const float> a, std::span<const float> b, std::span<float> d);

/// C += weight D D^T (wide) or weight D^T D (tall), (r, r).
void add_outer_product(ConstMatrixView<float> d, float weight, MatrixView<float> c);

/// From `sums`, (groups, r, r), of `count` samples. Standard errors by leaving one group out; without groups, or with
/// fewer terms than groups, none.
[[nodiscard]] MatrixNoise matrix_noise(std::span<const float> sums, Index r, int groups, std::int64_t count);

}  // namespace normdescent::probe_detail
