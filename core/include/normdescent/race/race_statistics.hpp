// SPDX-License-Identifier: Apache-2.0
// The statistics of a race: when a curve reaches a loss, speed-ups with intervals, the test for a winner.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace normdescent {

struct SpeedupInterval {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// A validation curve: losses at increasing steps, the first at step 0.
struct LossCurve {
  std::vector<double> steps;
  std::vector<double> losses;
};

/// Pointwise mean of curves that were validated at the same steps (std::invalid_argument otherwise).
[[nodiscard]] LossCurve mean_curve(std::span<const LossCurve> curves);

/// First step at which the curve, linear between its points, is at or below `loss`; empty if it never is.
[[nodiscard]] std::optional<double> first_step_at(const LossCurve& curve, double loss);

/// How many times fewer steps than the reference a contestant needs, from their mean curves.
///   it ends at or below the reference's final loss l_ref:  first_step_at(reference, l_ref) / first_step_at(own, l_ref)
///   it ends above, at l_own:                               first_step_at(reference, l_own) / first_step_at(own, l_own)
/// Both say: steps of the reference over own steps to the lowest loss that both reached; they agree where the final
/// losses agree. Empty if that loss is not below the start of either curve (one of them made no progress).
[[nodiscard]] std::optional<double> speedup_of_means(const LossCurve& reference, const LossCurve& own);

/// speedup_of_means over all seeds, with a 95% interval: jackknife over seeds on the logarithm (curve i of both is of
/// the same seed and left out together), Student's t with n - 1 degrees of freedom.
/// The interval is NaN for fewer than two seeds and where leaving one seed out leaves no speed-up.
[[nodiscard]] std::optional<SpeedupInterval> speedup(std::span<const LossCurve> reference,
                                                     std::span<const LossCurve> own);

/// z above which a difference of two means is a difference: two-sided 5% of a normal.
inline constexpr double kSignificantZ = 1.959963984540054;

/// Whether the best of several samples is better than the second best.
struct WinnerTest {
  std::optional<std::size_t> best;   ///< smallest finite mean; empty if there is none
  double z = 0.0;                    ///< of best against second best; 0 if there is no second
  bool is_outside_noise = false;     ///< z >= kSignificantZ
  std::vector<bool> ties_with_best;  ///< per sample: finite, and not significantly worse than the best (best: true)
};
/// Smallest mean wins. z = (m_2 - m_1) / sqrt(v_1 / n_1 + v_2 / n_2) with v_i = max(s_i^2, median of all s_j^2): the
/// variance of two or three seeds is often small by accident, and the field's typical one guards against that (Welch's
/// z with a pooled floor; the median, so that one contestant with a failed seed does not hide all differences).
/// Samples with an infinite value, and those with fewer than two values, take no part.
[[nodiscard]] WinnerTest test_winner(std::span<const std::vector<double>> samples);

}  // namespace normdescent
