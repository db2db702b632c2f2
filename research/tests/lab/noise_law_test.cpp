// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/noise_law.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace normdescent::lab {
namespace {

struct Case {
  NoiseKind kind;
  double tail;
  double shape;
  double order;  // moment that is estimated: below half the tail index, so that its own variance is finite
};

// E|X|^order of the unscaled law at another order is raw_moment of NoiseLaw(kind, order, shape) when order is in (1,
// 2]; laws with infinite variance are compared by medians of |X| below instead.
TEST(NoiseLaw, ScaledMomentIsOne) {
  const Case cases[] = {{NoiseKind::gaussian, 2, 0, 2},    {NoiseKind::gaussian, 1.5, 0, 1.5},
                        {NoiseKind::two_point, 2, 0.1, 2}, {NoiseKind::two_point, 1.2, 0.05, 1.2},
                        {NoiseKind::lomax, 1.2, 4, 1.2},   {NoiseKind::lomax, 1.5, 6, 1.5},
                        {NoiseKind::pareto, 1.2, 4, 1.2},  {NoiseKind::student, 2, 9, 2},
                        {NoiseKind::student, 1.5, 5, 1.5}, {NoiseKind::stable, 1.3, 2, 1.3}};
  for (const auto& c : cases) {
    const NoiseLaw law(c.kind, c.tail, c.shape);
    const int count = 400000;
    double sum = 0.0, squares = 0.0, mean = 0.0, variance = 0.0;
    for (int i = 0; i < count; ++i) {
      const double x = law.draw({17, static_cast<std::uint64_t>(c.kind)}, static_cast<std::uint64_t>(i));
      const double power = std::pow(std::abs(x), c.order);
      sum += power;
      squares += power * power;
      mean += x;
      variance += x * x;
    }
    const double moment = sum / count;
    EXPECT_NEAR(moment, 1.0, 5 * std::sqrt((squares / count - moment * moment) / count)) << static_cast<int>(c.kind);
    EXPECT_LT(std::abs(mean), 5 * std::sqrt(variance)) << static_cast<int>(c.kind);  // centred
  }
}

// Medians of |X| of the unscaled laws, from their distribution functions; 5 sd of a median of 100000 draws.
TEST(NoiseLaw, HeavyLawsHaveTheRightMedians) {
  const struct {
    NoiseKind kind;
    double tail, shape, median;
  } cases[] = {{NoiseKind::lomax, 1.2, 1.5, std::pow(2.0, 1 / 1.5) - 1},
               {NoiseKind::pareto, 1.5, 1.7, std::pow(2.0, 1 / 1.7)},
               {NoiseKind::student, 1.5, 2.0, std::sqrt(2.0 / 3)},  // t_2: F = 1/2 + x/(2 sqrt(2 + x^2))
               {NoiseKind::stable, 1.3, 1.5, 0.9693}};              // numerical inversion of exp(-|t|^1.5)
  for (const auto& c : cases) {
    const NoiseLaw law(c.kind, c.tail, c.shape);
    const double median = c.median * std::pow(law.raw_moment(), -1 / c.tail);
    const int count = 100000;
    int below = 0;
    for (int i = 0; i < count; ++i)
      below += std::abs(law.draw({23, 1}, static_cast<std::uint64_t>(i))) < median ? 1 : 0;
    EXPECT_NEAR(below, count / 2.0, 2.5 * std::sqrt(static_cast<double>(count))) << static_cast<int>(c.kind);
  }
}

TEST(NoiseLaw, ClosedMomentsMatchHandComputedOnes) {
  EXPECT_NEAR(NoiseLaw(NoiseKind::pareto, 1.5, 3).raw_moment(), 2.0, 1e-12);
  EXPECT_NEAR(NoiseLaw(NoiseKind::lomax, 2, 3).raw_moment(), 1.0, 1e-12);    // Gamma(3) Gamma(1) / Gamma(3)
  EXPECT_NEAR(NoiseLaw(NoiseKind::student, 2, 4).raw_moment(), 2.0, 1e-12);  // nu/(nu - 2)
  EXPECT_NEAR(NoiseLaw(NoiseKind::two_point, 2, 0.25).raw_moment(), 3.0, 1e-12);
  EXPECT_NEAR(NoiseLaw(NoiseKind::stable, 2, 2).raw_moment(), 2.0, 1e-12);
}

TEST(NoiseLaw, ShapesOutsideTheDomainAreRefused) {
  EXPECT_THROW(NoiseLaw(NoiseKind::pareto, 1.5, 1.5), std::invalid_argument);
  EXPECT_THROW(NoiseLaw(NoiseKind::two_point, 2, 1.0), std::invalid_argument);
  EXPECT_THROW(NoiseLaw(NoiseKind::stable, 1.5, 2.5), std::invalid_argument);
  EXPECT_THROW(NoiseLaw(NoiseKind::gaussian, 1.0), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent::lab
