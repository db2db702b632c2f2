// SPDX-License-Identifier: Apache-2.0
// Bounds as their papers print them, constants included, to compare ours with. docs/theory/published.md.
#pragma once

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/estimator.hpp"

namespace normdescent {

/// For a norm with ||.||_dual <= rho ||.||_2 and E||n||_2^p <= sigma^p: the noise enters only as rho sigma.
struct NormEquivalenceConstants {
  double initial_gap = 1.0;  ///< Delta > 0
  double smoothness = 1.0;   ///< L > 0, S-grad in the step norm
  double noise = 0.0;        ///< rho sigma >= 0
  double tail = 2.0;         ///< p in (1, 2]
};

/// U8, LionMuon, arXiv:2605.19811, Theorem 1: min_t ||grad f(x_t)||_dual <= Delta/(eta T) + 4 L eta/(1-beta2)
///   + (2 beta1/beta2) rho sigma (1-beta2)^theta + 2|1 - beta1/beta2| rho sigma + (2 beta1/beta2) start_error/(T
///   (1-beta2)).
/// Domain 0 <= beta1, 0 < beta2 < 1. Its Lemma 3 averages with constant 1; the generally valid one is
/// averaging_constant^p.
[[nodiscard]] Bound lionmuon2026_theorem1(const NormEquivalenceConstants& constants, double beta1, double beta2,
                                          double start_error, const RunSettings& run);

/// U8, Kovalev, arXiv:2503.12645, Theorem 2 (p = 2, momentum, m_0 = g_0):
///   min_k <= Delta/(eta K) + 2 rho sigma/(alpha K) + 2 sqrt(alpha) rho sigma + 3 L eta/2 + 2 L eta/alpha.
[[nodiscard]] Bound kovalev2025_theorem2(const NormEquivalenceConstants& constants, double alpha,
                                         const RunSettings& run);

struct KovalevTuning {
  double alpha = 1.0;
  double learning_rate = 0.0;
  double steps = 0.0;
};
/// Its parameters: eta = min{eps/(16 L), eps^3/(256 (rho sigma)^2 L)}, alpha = min{1, eps^2/(16 (rho sigma)^2)},
/// K = ceil(max{2048 L Delta (rho sigma)^2/eps^4, 256 (rho sigma)^3/eps^3, 128 L Delta/eps^2, 16 rho sigma/eps}).
/// With rho sigma -> S this is also the published tuning of U9a.
[[nodiscard]] KovalevTuning kovalev2025_tuning(const NormEquivalenceConstants& constants, double epsilon);

/// U8, Xie et al., arXiv:2511.20584, Theorem 4.5 (p = 2): avg <= Delta/(eta T) + 2 eta L/alpha + 2 S/(alpha T) + 2 S
/// sqrt(alpha).
[[nodiscard]] Bound xie2025_theorem45(const NormEquivalenceConstants& constants, double alpha, const RunSettings& run);
/// The same at its alpha = a_0/sqrt(T), a_0 = sqrt(Delta L)/S, and the eta that is best there, sqrt(Delta alpha/(2 L
/// T)): O((Delta L)^(1/4) S^(1/2) T^(-1/4)) for T >= max(a_0^2, a_0^-6), else flag `below_horizon_threshold`. noise >
/// 0.
[[nodiscard]] Bound xie2025_rate(const NormEquivalenceConstants& constants, double steps);

/// U8, Bernstein et al. 2018, Theorem 1: SignSGD, K steps with eta = 1/sqrt(||L||_1 K) and batch K, N = K^2 samples:
///   (E avg ||g||_1)^2 <= (sqrt(||L||_1) (Delta + 1/2) + 2 ||sigma||_1)^2/sqrt(N). Returns the bound on E avg ||g||_1.
[[nodiscard]] Bound bernstein2018_theorem1(double initial_gap, double smoothness_l1, double noise_l1, double samples);

}  // namespace normdescent
