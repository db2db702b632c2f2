// SPDX-License-Identifier: Apache-2.0
// Per-coordinate noise of mini-batch gradients, streamed: its l1 and l2 norms, its density, the signal under it.
//
// Legend   g^k gradient of micro-batch k = 1 .. K   gbar their mean   sigma_i noise scale of coordinate i
//          S_1 = sum_i sigma_i   S_2^2 = sum_i sigma_i^2   phi = S_1^2 / (d S_2^2)   d coordinates
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/statistics/estimate.hpp"

namespace normdescent {

/// Noise of one tensor, or of all together, for mini-batches of the size that was accumulated.
struct NoiseSummary {
  std::int64_t count = 0;            ///< K; below 2 nothing was measured and all else is 0
  Index dimension = 0;               ///< d
  double l1 = 0.0;                   ///< S_1, corrected by 1 / c4(K)
  double l2 = 0.0;                   ///< S_2, from the unbiased variances
  double density = 0.0;              ///< phi = min(1, plug-in / c4(K)^2)
  double gradient_l2_squared = 0.0;  ///< ||gbar||_2^2 - S_2^2 / K: unbiased for ||grad f||_2^2, may be negative
  double gradient_l1 = 0.0;          ///< estimate of ||grad f||_1; see NoiseAccumulator::summaries
  std::int64_t silent = 0;           ///< coordinates whose samples were all equal (sigma_i = 0)
};

/// Streaming mean and variance of every coordinate (Welford 1962), in fp32.
///
///   delta = g - mean;  mean += delta / k;  M2 += delta (g - mean)
///
/// Memory    2 floats a coordinate, whatever K is. fp32 suffices because deviations, not squares, are summed: relative
///           error of sigma about K 2^-24 + 2^-24 |mean| / sigma (sums of squares lose it all at |mean| >> sigma).
/// Bias      for Gaussian noise in many coordinates the plug-in E S_1 = c4(K) S_1, hence E phi = c4(K)^2 phi; both are
///           divided out. Noise in a handful of coordinates has no such bias, so 1 / (2 K) is too much there. Heavy
///           tails leave a negative bias (Student t_3, equal sigma: 0.87 of phi at K = 32; theory E1).
/// Source    theory 7.1 E1; arXiv 2605.06615 for phi.
class NoiseAccumulator {
 public:
  /// Remembers sizes only; `add` must be called with the same list.
  explicit NoiseAccumulator(std::span<const Parameter> parameters);

  /// Takes the current gradients as the next sample. Cost: one pass over 3 arrays. Empty gradients are skipped.
  void add(std::span<const Parameter> parameters);

  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::span<const float> mean() const { return mean_; }
  /// sum_k (g^k - gbar)^2 of every coordinate; sigma_i^2 = M2_i / (K - 1).
  [[nodiscard]] std::span<const float> squared_deviations() const { return squared_deviations_; }

  /// One summary a tensor, in order.
  ///
  /// ||grad f||_1: |gbar_i| alone is biased upward by up to 0.8 sigma_i / sqrt(K), in all d coordinates. Within a
  /// tensor and an octave of sigma_i, ||gbar||_1 is therefore shrunk by the l2 ratio of signal to signal plus noise,
  ///   sqrt(max(0, sum (gbar_i^2 - sigma_i^2 / K)) / sum gbar_i^2):
  /// exact without noise, and where signal and noise have the same shape within the octave (e.g. both Gaussian).
  [[nodiscard]] std::vector<NoiseSummary> summaries() const;
  /// The summary of all tensors together, as if concatenated.
  [[nodiscard]] NoiseSummary total() const;

 private:
  std::vector<Index> sizes_;
  std::vector<float> mean_;
  std::vector<float> squared_deviations_;
  std::int64_t count_ = 0;
};

/// The summary of tensors concatenated.
[[nodiscard]] NoiseSummary combine(std::span<const NoiseSummary> parts);

/// The same noise at another mini-batch size: sigma(B) = sigma(b) (b / B)^theta, theta = (p - 1) / p (1/2 at p = 2).
/// Density and gradient norms do not change. Throws std::invalid_argument for batch sizes < 1 or p outside (1, 2].
[[nodiscard]] NoiseSummary scaled_to_batch(NoiseSummary noise, double from_batch, double to_batch, double p = 2.0);

/// Standard error of a statistic that is (nearly) an average over samples, from its values along the stream.
/// `running[j]` is the statistic over the first `counts[j]` samples, counts increasing. Group j's own value is
/// (n_j v_j - n_{j-1} v_{j-1}) / (n_j - n_{j-1}); the error is their weighted spread over sqrt(groups). Needs no copies
/// of accumulators. 0 for fewer than 3 groups.
[[nodiscard]] double streaming_standard_error(std::span<const double> running, std::span<const std::int64_t> counts);

}  // namespace normdescent
