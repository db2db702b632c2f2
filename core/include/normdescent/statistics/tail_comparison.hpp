// SPDX-License-Identifier: Apache-2.0
// Three tail indices that fail in different ways, and whether they agree: block sums (tail_index.hpp), Hill's estimator
// of the largest deviations, and how fast the sample's fourth moment grows.
#pragma once

#include <cstdint>
#include <string>

#include "normdescent/statistics/tail_index.hpp"

namespace normdescent {

/// Hill 1975: 1/alpha = mean over the `exceedances` largest |x| of log(|x| / threshold).
struct HillIndex {
  Estimate alpha;                ///< reads 3 for Student t_3, above 4 for Gaussian and Laplace tails
  std::int64_t exceedances = 0;  ///< k; 0: not measured
  double threshold = 0.0;        ///< in medians of the series' |x|
  double distance = 0.0;         ///< Kolmogorov's, between exceedances and the Pareto law
  [[nodiscard]] TailVerdict verdict() const;
};

/// Series are centred by their mean and divided by their median |x|, then pooled. k is the one, on a grid of ratio 1.3
/// between 24 and a tenth of all, whose exceedances are nearest to a Pareto law (Clauset, Shalizi, Newman 2009).
///
/// Errors    delete-a-group jackknife over 8 groups of samples with k's share kept (series share their samples).
/// Bias      upward for laws that reach their tail late (alpha-stable 1.8 reads 2 and more), and for few samples, whose
///           own mean the largest of them moves. Needs 16 samples and 240 values that differ.
/// Source    theory 7.2 E5.
[[nodiscard]] HillIndex estimate_hill(const ScalarSamples& samples);

/// How the sum of |x|^4 over m samples grows: m^max(1, 4/alpha).
struct MomentGrowth {
  Estimate alpha;  ///< about 4 and above: the fourth moment is finite; a Gaussian reads 2.5 to 2.8 with 64 samples,
                   ///< above 3 with 512
  std::int64_t samples = 0;  ///< 0: not measured
  [[nodiscard]] TailVerdict verdict() const;
};

/// Means of log sum |x|^4 over blocks of m1 = 4 and m2 = K/4 samples, over all series and 32 random orders.
///
/// Errors    as above. Bias: downward for finite fourth moments (Jensen), never below 2 for laws with one.
/// Source    theory 7.2 E5'.
[[nodiscard]] MomentGrowth estimate_moment_growth(const ScalarSamples& samples, std::uint64_t seed = 0);

struct TailComparison {
  HillIndex hill;
  MomentGrowth growth;
  /// What the three say together: undecided where they disagree.
  TailVerdict verdict = TailVerdict::not_measured;
  bool disagree = false;  ///< one of the three says heavy, another finite variance
  std::string sentence;   ///< the three readings and what to make of them
};

[[nodiscard]] TailComparison compare_tails(const ScalarSamples& samples, const TailIndex& block_sums,
                                           std::uint64_t seed = 0);

}  // namespace normdescent
