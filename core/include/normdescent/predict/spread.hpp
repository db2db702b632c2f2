// SPDX-License-Identifier: Apache-2.0
// From a model's past errors to intervals and probabilities: nothing is assumed of the errors but that the next problem
// is like the past ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace normdescent {

/// One row a problem, one column an entrant: measured minus predicted log2(speed-up) or standing; NaN where there is
/// none. The predictions must not have used the row's own race.
using ErrorTable = std::vector<std::vector<double>>;

inline constexpr double kIntervalLevel = 0.8;
/// Fewer errors than this give the width kIgnoranceError instead (predict.hpp).
inline constexpr std::size_t kFewestErrors = 4;

/// Half the width of the interval that covers kIntervalLevel: the ceil((n + 1) level)-th smallest of n absolute errors
/// (the largest one if there are too few), which covers at least that share of exchangeable problems.
/// Source    split conformal prediction: Vovk et al. 2005; Lei et al. 2018, section 2.
[[nodiscard]] double conformal_half_width(std::span<const double> errors);

/// The share of draws in which each entrant's score (log2 speed-up or standing) is largest. A draw adds to `centres`
/// the errors of one past problem, drawn as a row so that what errors have in common stays together, and Gaussian
/// jitter of kJitter times the column's root mean square error. One imagined problem in which all are alike is mixed
/// in, so that no probability is 0.
///
/// centres  finite; `exact[j]`: entrant j has no error (the reference). draws >= 1. Missing errors are taken from
/// another row, or from a normal of kIgnoranceError where a column has none.
[[nodiscard]] std::vector<double> probabilities_of_best(std::span<const double> centres, const std::vector<bool>& exact,
                                                        const ErrorTable& errors, int draws, std::uint64_t seed);

inline constexpr double kJitter = 0.5;

}  // namespace normdescent
