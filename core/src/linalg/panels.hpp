// SPDX-License-Identifier: Apache-2.0
// The symmetric product and the inverse of blocks.hpp for float on processors with AVX-512: right operands are copied
// once into panels of kColumns columns, and every product of a triangle does that triangle only. blocks.hpp has the
// plain twins. Threads: the caller's; each result is computed by one thread in one order, so that none depends on their
// number.
#pragma once

#include "blocks.hpp"

namespace normdescent::panels {

/// Columns of a panel, and rows of a block of the inverse.
inline constexpr Index kColumns = 48;

/// Whether this processor and this build can.
[[nodiscard]] bool are_supported();

/// Floats of scratch memory that matrices of r rows need.
[[nodiscard]] Index scratch_size(Index r);

/// C <- A B for symmetric A B (r, r); C must not overlap A or B. r^3 / 2 multiply-adds.
void symmetric_multiply(ConstBlock<float> a, ConstBlock<float> b, Block<float> c, float* scratch);

/// out <- Z^-1 for symmetric positive definite Z (r, r); both triangles of Z are read, and it may
/// be overwritten. M = L^-1 of Z = L L^T is built
/// block row by block row (L_i = Z_i M^T, then M_i = -M_ii L_i M), then M^T M: r^3 / 2 multiply-adds. Error and NaN as
/// with blocks.hpp's.
void invert_positive_definite(Block<float> z, Block<float> out, float* scratch);

}  // namespace normdescent::panels
