// SPDX-License-Identifier: Apache-2.0
// Lower bounds for wider classes: every deterministic method, zero-respecting methods, AdaGrad, sign momentum under
// unstructured noise. docs/theory/lower.md.
#pragma once

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/constants.hpp"

namespace normdescent {

/// L5: gradients that any deterministic first-order method needs for ||grad f||_dual < epsilon without noise, in its
/// geometry: L Delta/epsilon^2. Source: Jiang et al. (COLT 2025), Theorems 1 (l2) and 5 (l1); spectral and row-wise:
/// the same one-dimensional instance, derived here. Throws as lower_sign_samples does.
[[nodiscard]] Bound lower_deterministic_steps(const ProblemConstants& constants, double epsilon);

/// L6: AdaGrad with delta = 0, one dimension, E min_{t<=T} |f'| >=
///   max{ sqrt(L Delta log(2T+1)/T)/32, (sigma^2 L Delta/T log(1 + T L Delta/(8 sigma^2)))^(1/4)/16 }.
/// Source: Jiang et al. (COLT 2025), Corollary 17. p = 2 only.
[[nodiscard]] Bound lower_adagrad(const ProblemConstants& constants, double steps);

/// The steps that L6 demands for E min |f'| < epsilon: the largest T at which it is still >= epsilon (relative 1e-9,
/// from below). 0 and flag `saturated` where T = 1 is above it already.
[[nodiscard]] Bound lower_adagrad_samples(const ProblemConstants& constants, double epsilon);

/// L7: SignSGD with momentum, any eta and a, under E||n||_1^2 <= S^2 only (no structure):
///   E min ||grad f||_1 >= min{ e^-2 5^(-1/4) (d L Delta S^2)^(1/4) T^(-1/2), e^-2 5^(-1/2) S }.
/// Flag `saturated` on the second branch (threshold: steps). Source: Xie et al., arXiv:2511.20584, Theorem 4.7.
[[nodiscard]] Bound lower_sign_momentum_unstructured(const ProblemConstants& constants, double dimension, double steps);

/// L10: samples that any zero-respecting method needs for E||grad f||_2 <= epsilon (euclidean constants):
///   (T - 1)/(2 q), T = floor(L Delta/(7296 epsilon^2)), q = min{1, (46 epsilon/S)^2} at p = 2,
///   q = min{1, (2^(1/p) 46 epsilon/S)^(1/theta)} below; T where q = 1.
/// 0 and flag `saturated` for T < 2. Source: Arjevani et al. (2023), zero-chain; constants put together here.
[[nodiscard]] Bound lower_zero_respecting_samples(const ProblemConstants& constants, double epsilon);

}  // namespace normdescent
