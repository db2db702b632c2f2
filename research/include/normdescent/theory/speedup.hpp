// SPDX-License-Identifier: Apache-2.0
// How many times fewer samples a geometry needs: worst-case ratios, matched-accuracy ratios, critical batch.
// docs/theory/speedup.md.
#pragma once

namespace normdescent {

/// Samples of SGD over samples of the other method, per term of the complexity; above 1 the other method wins.
struct SpeedupOverSgd {
  double deterministic = 1.0;
  double noise = 1.0;
};

/// W1, W2: SignSGD over SGD in l1, worst case over the class: d and 1/phi_p(sigma), phi_p in [1/d, 1].
/// Source: arXiv:2605.06615, eqs 9-10 (p = 2); constants derived here for p < 2. An upper limit of what geometry can
/// pay, no forecast: the instances are adapted to eta.
[[nodiscard]] SpeedupOverSgd speedup_sign_over_sgd(double dimension, double density);
/// W3: Muon over SGD in nuclear norm: r = min(m, n) and 1/phi_nuc(Sigma), phi_nuc in [1/r, 1]. Derived here.
[[nodiscard]] SpeedupOverSgd speedup_muon_over_sgd(double rank, double nuclear_density);
/// W4: AdaGrad over SGD in l1: 1/phi~(L) and R^2/phi(sigma), without AdaGrad's own ||sigma||_1^4/eps^4;
/// phi~ = ||L||_1/(d ||L||_inf) in [1/d, 1], R in [0, 1] the cosine between sigma and sqrt L. Source: Jiang et al.,
/// COLT 2025.
[[nodiscard]] SpeedupOverSgd speedup_adagrad_over_sgd(double dimension, double curvature_density, double density,
                                                      double alignment);

/// Speed-up at a target: (s_det + s_noise x)/(1 + x), x = (S/epsilon)^(1/theta), the noise term's weight over the
/// deterministic one's; between the two at every epsilon. (W1 with the terms of L Delta/eps^2 (1 + x).)
[[nodiscard]] double speedup_at(const SpeedupOverSgd& speedup, double noise, double epsilon, double tail = 2.0);

/// phi_p = (||sigma||_1/||sigma||_p)^(p/(p-1))/d from norms; phi at p = 2. In [1/d, 1] up to round-off, which is
/// clamped.
[[nodiscard]] double noise_density(double norm_1, double norm_p, double dimension, double tail = 2.0);

/// What was measured at one point in one geometry.
struct GeometryAtPoint {
  double smoothness = 1.0;     ///< L_X > 0
  double noise = 0.0;          ///< S_X >= 0
  double gradient_norm = 1.0;  ///< ||grad f||_X,dual > 0
};

/// W6: samples of `from` over samples of `to` for targets c ||grad f||_X of the same c in both geometries:
///   deterministic L_X/||grad f||_X^2, noise L_X S_X^(1/theta)/||grad f||_X^(2 + 1/theta). Derived here.
/// The noise ratio is NaN where both noises are 0.
[[nodiscard]] SpeedupOverSgd matched_accuracy_speedup(const GeometryAtPoint& from, const GeometryAtPoint& to,
                                                      double tail = 2.0);

/// W7: B_X = (2 c_p S_X/||grad f||_X)^(1/theta): below it cost is noise-limited, above it extra samples are wasted.
[[nodiscard]] double critical_batch(const GeometryAtPoint& measurement, double tail = 2.0);

}  // namespace normdescent
