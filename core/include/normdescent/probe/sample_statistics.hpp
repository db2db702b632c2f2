// SPDX-License-Identifier: Apache-2.0
// Noise and signal from gradients at sampled coordinates, per tensor and in total, each with a standard error.
//
// Legend   x_ki coordinate i of row k   n_s rows of step s   nu = sum_s (n_s - 1)   w_i coordinates that i stands for
//          v_i = 1/nu sum_k (x_ki - mean over its step)^2   sigma_i = v_i^(1/2) / c4(nu + 1)   d coordinates
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "normdescent/probe/gradient_sample.hpp"
#include "normdescent/probe/noise.hpp"

namespace normdescent {

/// Of one tensor or of all together, for the micro-batches that were sampled. `reason` says why all or part is missing:
/// without noise there is no density and no noise; what is not measured is NaN.
struct SampledNoise {
  Estimate l1;                   ///< S_1 = sum_i w_i sigma_i
  Estimate l2;                   ///< S_2 = (sum_i w_i v_i)^(1/2)
  Estimate density;              ///< phi = S_1^2 / (d S_2^2), at most 1
  Estimate gradient_l2_squared;  ///< mean of ||grad f||_2^2 over steps, unbiased: may be negative
  Estimate gradient_l1;          ///< mean of ||grad f||_1, shrunk as in NoiseAccumulator::summaries, tensor by tensor
  Estimate gradient_density;     ///< ||grad f||_1^2 / (d ||grad f||_2^2); NaN where noise hides the gradient
  Estimate sign_agreement;       ///< share of pairs of rows of a step with the same nonzero sign, over coordinates
  std::string reason;            ///< empty: all of it was measured
};

/// Whether noise behaves as that of independent examples: phi does not depend on the batch size then (theory 7.1).
struct BatchInvariance {
  int factor = 0;      ///< micro-batches merged into one; 0: not measured
  Estimate ratio;      ///< phi at `factor` times the micro-batch size over phi at it; 1 if invariant
  std::string reason;  ///< why not measured
  /// Two standard errors from 1: examples depend on each other, or tails are heavy.
  [[nodiscard]] bool is_violated() const;
};

struct SampleStatistics {
  std::int64_t steps = 0;
  std::int64_t micro_batches = 0;
  SampledNoise total;
  std::vector<SampledNoise> tensors;
  BatchInvariance invariance;
};

/// Standard errors are delete-a-group jackknives over at most 8 groups: of steps where there are 8, else of rows within
/// steps; added to them, in squares, the same over 8 groups of the chosen coordinates of tensors that are not read in
/// full. Where a tensor has fewer than 100 chosen ones and single coordinates carry its noise, errors are too small.
/// Bias      l1 and density as NoiseAccumulator's (c4 is divided out; heavy tails leave a negative bias);
///           sign_agreement, l2 squared and gradient_l2_squared are unbiased.
/// Cost      rows x coordinates x 17.
[[nodiscard]] SampleStatistics sample_statistics(const CoordinateChoice& choice, const GradientSample& sample);

}  // namespace normdescent
