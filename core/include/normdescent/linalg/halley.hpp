// SPDX-License-Identifier: Apache-2.0
// The dynamically weighted Halley iteration for msign: rational steps that converge in two or three, with all inverses
// on the short side of the matrix. On processors it does a fifth of the flops of five Newton-Schulz steps, and it
// cannot diverge: p(s) <= 1 on [0, 1], and p grows slower than s beyond. Source: Nakatsukasa, Bai & Gygi 2010,
// "Optimizing Halley's iteration for computing the matrix polar decomposition", eq. (3.14) for the weights; what is
// ours is that only Gram matrices are iterated.
//
// Legend   s a singular value relative to the Schatten 4-norm ||G G^T||_F^(1/2), which lies between s_1 and ||G||_F
//          p(s) = s (a + b s^2) / (1 + c s^2) one step
#pragma once

#include "normdescent/linalg/coefficients.hpp"

namespace normdescent {

struct HalleyStep {
  double a = 3.0;
  double b = 1.0;
  double c = 3.0;
};

/// Singular values from here to 1 are mapped next to 1; smaller ones grow by at most a_1 a_2 ... (1673 in two steps).
inline constexpr double kHalleyLow = 1e-3;
inline constexpr int kHalleySteps = 2;

/// The weights that bring [low, 1] closest to 1, for low in (0, 1]: the image of [low, 1] is [p(low), 1].
[[nodiscard]] HalleyStep halley_step(double low);

/// p(s)
[[nodiscard]] constexpr double map_halley_step(const HalleyStep& p, double s) {
  return s * (p.a + p.b * s * s) / (1.0 + p.c * s * s);
}

/// The image of one s after `steps` steps whose weights are optimal for [kHalleyLow, 1].
[[nodiscard]] double map_halley(int steps, double s);

/// As certify(set, ...): an interval that provably contains the image of [low, high].
[[nodiscard]] Interval certify_halley(int steps, double low, double high);

/// What [kHalleyLow, 1] is mapped into after 1, 2, 3 steps; certify_test.cpp recomputes each.
inline constexpr Certificate kHalleyCertificates[] = {
    {.steps = 1, .input = {kHalleyLow, 1.0}, .output = {0.2480, 1.00000001}},
    {.steps = 2, .input = {kHalleyLow, 1.0}, .output = {0.9629, 1.00000001}},
    {.steps = 3, .input = {kHalleyLow, 1.0}, .output = {0.999999, 1.00000001}},
};

}  // namespace normdescent
