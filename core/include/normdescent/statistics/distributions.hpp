// SPDX-License-Identifier: Apache-2.0
// Quantiles and tails of the distributions that intervals and tests are made of (Boost.Math underneath).
#pragma once

#include <cstdint>

namespace normdescent {

/// Phi(x) of the standard normal.
[[nodiscard]] double normal_cdf(double x);
/// The x with Phi(x) = probability; infinite at 0 and 1. Throws std::invalid_argument outside [0, 1].
[[nodiscard]] double normal_quantile(double probability);

/// The t with P(T <= t) = probability for Student's T with `degrees` > 0 degrees of freedom: a two-sided 95% interval
/// is value +- student_t_quantile(0.975, n - 1) standard errors. NaN for degrees <= 0. Throws std::invalid_argument for
/// probabilities outside (0, 1).
[[nodiscard]] double student_t_quantile(double probability, double degrees);

/// P(X > count) of X ~ Binomial(trials, probability).
[[nodiscard]] double binomial_tail(std::int64_t trials, double probability, std::int64_t count);

/// Two-sided p-value of `successes` of X ~ Binomial(trials, probability): twice the smaller of P(X <= successes) and
/// P(X >= successes), at most 1 (Clopper and Pearson's test). What a test of an interval's coverage asks for.
[[nodiscard]] double binomial_p_value(std::int64_t successes, std::int64_t trials, double probability);

}  // namespace normdescent
