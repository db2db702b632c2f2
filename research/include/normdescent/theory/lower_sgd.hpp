// SPDX-License-Identifier: Apache-2.0
// Lower bounds for vanilla SGD (B = 1, any constant learning rate) in l1 and in nuclear norm. docs/theory/lower.md.
// Legend: Delta initial gap  L_i, sigma_i curvature and noise of coordinate i  d dimension  T steps = samples  p tail
#pragma once

#include <span>
#include <vector>

#include "normdescent/theory/bound.hpp"

namespace normdescent {

/// `count` coordinates with the same curvature L_i and noise sigma_i: a billion coordinates are a few of these.
struct CoordinateGroup {
  double count = 1.0;       ///< > 0
  double smoothness = 1.0;  ///< L_i >= 0
  double noise = 0.0;       ///< sigma_i >= 0
};

/// A separable instance class for SGD. For nuclear norm (L4) coordinates are the r = min(m, n) singular directions,
/// with sigma the eigenvalues of Sigma and sum L_i = L_*.
struct SeparableConstants {
  double initial_gap = 1.0;                  ///< Delta > 0
  double tail = 2.0;                         ///< p in (1, 2]
  std::vector<CoordinateGroup> coordinates;  ///< at least one with L_i > 0
};

/// L3: E min_{t<=T} ||grad f||_1 >= min{ (1/16) sqrt(d L_max Delta/(2T)) + (d Delta)^(1/4) (sum sigma_i sqrt L_i)^(1/2)
/// /(8 2^(1/4) T^(1/4)), sqrt(L_min Delta/d)/4 }.
/// The first branch is the one from T >= max{d^2 L_max/(8 L_min), d^3 (sum sigma_i sqrt L_i)^2/(2 Delta L_min^2)} on;
/// below it flag `below_horizon_threshold`. p = 2 only. lower_sgd_numeric is never weaker in our checks; prefer it.
/// Source: arXiv:2605.06615, Theorem 3, through Jiang et al. (COLT 2025), Theorem 6; threshold derived here.
[[nodiscard]] Bound lower_sgd_closed_form(const SeparableConstants& constants, double steps);

/// L3n (p = 2), L9 (p < 2): inf over eta of sum_i lb_i(eta), Delta_i = Delta/d, for all T:
///
///   eta >= 2/L_i:  lb_i = sqrt(2 L_i Delta_i)
///   else           lb_i = max{ sqrt(Delta_i/(2 eta T + 1/(2 L_i)))/2, min{floor_i(eta), sqrt(2 L_i Delta_i)} }
///   floor_i        p = 2: sigma_i sqrt(L_i eta/2);  p < 2: 2^(-1/p) sigma_i (eta L_i/2)^theta
///
/// The infimum is certified: intervals of eta are bounded below by their increasing terms at the left end and their
/// decreasing ones at the right end, and split until the value is within kInfimumTolerance of it, always below.
/// Cost O(groups x about 1e4). Source: constants derived here.
[[nodiscard]] Bound lower_sgd_numeric(const SeparableConstants& constants, double steps);
inline constexpr double kInfimumTolerance = 1e-5;

/// What is known of the noise when only its scale and density are: S = ||sigma||_1, phi_p =
/// (S/||sigma||_p)^(1/theta)/d.
struct NoiseProfile {
  double dimension = 1.0;  ///< d >= 1 (nuclear norm: r)
  double density = 1.0;    ///< phi_p in [1/d, 1]
};

/// A noise vector with that scale and density: one coordinate differs from ceil(d phi) - 1 equal ones, the others are 0
/// (all equal where d phi is whole). Curvature not set.
[[nodiscard]] std::vector<CoordinateGroup> noise_with_density(double noise, const NoiseProfile& profile, double tail);

/// Instances of total curvature L = L_inf (or L_*) for that noise, each a valid lower bound for the class; the largest
/// counts: all three terms (L_i = L/3 (sigma_i^p/||sigma||_p^p + 1/d + 1{i=1})), noise only (L/2 (... + 1/d)).
/// Source: constants derived here (repairs the allocation of arXiv:2605.06615, which loses everything at exactly sparse
/// sigma).
[[nodiscard]] std::vector<SeparableConstants> sgd_hard_instances(double initial_gap, double smoothness, double noise,
                                                                 const NoiseProfile& profile, double tail);

/// Steps (= samples, B = 1) that SGD needs at least for E min ||grad f||_1 < epsilon: the largest T at which
/// lower_sgd_numeric is still >= epsilon, over the instances. 0 and flag `saturated` where none resists at all.
/// Relative accuracy in samples 1e-6 plus that of the infimum, from below. Cost about 10 ms an instance of few groups.
[[nodiscard]] Bound lower_sgd_samples(std::span<const SeparableConstants> instances, double epsilon);

}  // namespace normdescent
