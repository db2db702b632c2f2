// SPDX-License-Identifier: Apache-2.0
// Lower bounds for momentum-free dual directions with a constant step: SignSGD, Muon, normalized SGD.
// docs/theory/lower.md. Legend: Delta initial gap  L smoothness  S noise scale  p tail  theta = (p-1)/p  N = B T
// samples
#pragma once

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/constants.hpp"

namespace normdescent {

/// L1 (sign), L2 (spectral), L8 (p < 2): for every eta, B, T with B T = samples some f and oracle have
/// E min_{t<T} ||grad f(x_t)||_dual >= value.
///
///   p = 2:  value^2 = (L Delta/(64 N)) (1 + sqrt(1 + 32 N S^2/(L Delta)))
///   p < 2:  value = max{ (L Delta/(32 N))^(theta/(1+2 theta)) (S/2^(1+1/p))^(1/(1+2 theta)), sqrt(L Delta/(32 N)) }
///
/// capped at sqrt(L Delta)/4 (flag `saturated`; its threshold: samples from which on the formula is below the cap).
/// The instance is one-dimensional at heart, so euclidean and row-wise directions obey it with their own (L, S).
/// Source: rate arXiv:2605.06615, Theorems 2 and 5; constants derived here from its Lemma 3.
[[nodiscard]] Bound lower_sign(const ProblemConstants& constants, double samples);

/// The same, solved for samples: with fewer, E min >= epsilon on the hard instance.
///
///   p = 2:  L Delta (4 epsilon^2 + S^2)/(128 epsilon^4)
///   p < 2:  (L Delta/(32 epsilon^2)) max{1, (S/(2^(1+1/p) epsilon))^(1/theta)}
///
/// 0 and flag `saturated` for epsilon > sqrt(L Delta)/4 (threshold: that epsilon). Throws std::invalid_argument for
/// epsilon <= 0 or >= sqrt(2 L Delta), which the start satisfies already.
[[nodiscard]] Bound lower_sign_samples(const ProblemConstants& constants, double epsilon);

}  // namespace normdescent
