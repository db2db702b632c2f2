// SPDX-License-Identifier: Apache-2.0
// Coefficient sets of Newton-Schulz iterations for msign, each with the interval into which it provably maps singular
// values. All statements are about the scalar map in exact arithmetic, with the stored doubles as coefficients.
//
// Legend   s a singular value of G, relative to ||G||_F (so s <= 1 up to rounding)
//          p(s) = a s + b s^3 + c s^5 one step;   s -> p_k(... p_1(s / safety))   the map of k steps
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace normdescent {

/// One step p(s) = a s + b s^3 + c s^5.
struct QuinticStep {
  double a = 0.0;
  double b = 0.0;
  double c = 0.0;
};

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// "`steps` steps map every s in `input` into `output`": computed by certify(), rounded outward in the last digit
/// shown.
struct Certificate {
  int steps = 0;
  Interval input;
  Interval output;
};

/// A named schedule. Plain data whose storage is somebody else's, static for the sets of this library.
struct CoefficientSet {
  std::string_view name;
  std::span<const QuinticStep> schedule;  ///< step by step; the last one repeats for ever
  double safety = 1.0;                    ///< G is divided by safety * ||G||_F
  int default_steps = 5;
  std::span<const Certificate> certificates;

  [[nodiscard]] const QuinticStep& step(int k) const {  ///< k = 0, 1, ...
    const auto index = static_cast<std::size_t>(k);
    return index < schedule.size() ? schedule[index] : schedule.back();
  }
};

/// "jordan": (3.4445, -4.7750, 2.0315) in every step. Does not converge to 1: it settles in [0.682, 1.135], and p(1) is
/// 0.696. Source: Jordan et al. 2024 (Muon).
[[nodiscard]] const CoefficientSet& jordan_coefficients();

/// "polar-express": the schedule optimal for s in [1e-3, 1], then (1.875, -1.25, 0.375); with the safety factor 1.01 in
/// the norm and in the first seven steps, without which rank-one input diverges. Source: arXiv:2505.16932, Algorithm 1.
[[nodiscard]] const CoefficientSet& polar_express_coefficients();

/// "classic": (1.5, -0.5, 0), monotone on [0, 1] and safe up to s = 1.73, but slow (gain 1.5 a step). Newton-Schulz
/// 1957.
[[nodiscard]] const CoefficientSet& classic_coefficients();

/// The set of that name, or nullptr.
[[nodiscard]] const CoefficientSet* find_coefficients(std::string_view name);
[[nodiscard]] std::vector<std::string> coefficient_names();

/// The image of one s, in plain doubles.
[[nodiscard]] double map_singular_value(const CoefficientSet& set, int steps, double s);

/// An interval that contains the image of every s in [low, high]: outward-rounded interval arithmetic, so it holds
/// beyond floating-point doubt. Tight: a continuous p maps an interval onto an interval, so the exact range of each
/// step (its ends and its critical points) composes without overestimation, and only rounding (about 1e-14 relative) is
/// lost. Divergence shows as infinite ends. Throws std::invalid_argument unless steps >= 1 and 0 <= low <= high, both
/// finite.
[[nodiscard]] Interval certify(const CoefficientSet& set, int steps, double low, double high);

/// The largest relative error of a normalization: X = G / ||G||_F stored in bf16 has s up to 1 + 2^-8.
inline constexpr double kNormalizationRounding = 0x1p-8;
/// Rank-one input is safe when no s in [1, 1 + kNormalizationRounding] leaves (0, kRankOneLimit]. Why 2: a minimax
/// schedule that is cut off early maps into [l, 2 - l] by design (polar-express: 1.56 after 4 steps).
inline constexpr double kRankOneLimit = 2.0;

/// Whether rank-one input, for which s = 1 up to rounding, neither diverges nor flips its sign.
[[nodiscard]] bool is_safe_for_rank_one(const CoefficientSet& set, int steps);

/// The way in for a set of one's own: returns it if every number of steps from 1 to `steps` is safe for rank-one input,
/// with default_steps = steps. Throws std::invalid_argument naming the set, the steps and the image of [1, 1 + 2^-8] if
/// not, or if the schedule is empty, a coefficient is not finite, safety < 1 or steps < 1. The storage stays the
/// caller's. (Such a set maps near-rank-one gradients uphill or to infinity: Polar Express without its safety factor.)
[[nodiscard]] CoefficientSet checked_coefficients(CoefficientSet set, int steps);

}  // namespace normdescent
