// SPDX-License-Identifier: Apache-2.0
#include "normdescent/norms/density.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "linalg/matrices.hpp"

namespace normdescent {
namespace {

using Vector = std::vector<double>;

TEST(Density, HasTheKnownValues) {
  EXPECT_DOUBLE_EQ(phi(Vector{1, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(phi(Vector{1, 1, 1}), 1.0);
  EXPECT_NEAR(phi(Vector{3, 4}), 0.98, 1e-15);
  EXPECT_NEAR(phi(Vector{1, 2, 3, 4}), 0.8333333, 5e-8);
  EXPECT_NEAR(phi_p(Vector{3, 4}, 1.5), 0.9848486137, 5e-11);
  EXPECT_NEAR(phi_p(Vector{1, 2, 3, 4}, 1.5), 0.8625558373, 5e-11);
  EXPECT_NEAR(phi_p(Vector{1, 2, 3, 4}, 1.2), 0.8834610782, 5e-11);
  EXPECT_DOUBLE_EQ(phi_max(Vector{3, -4}), 0.875);
  EXPECT_DOUBLE_EQ(phi_nuc(Vector{3, 4}), phi(Vector{3, 4}));
}

TEST(Density, OfGaussianEntriesIsTwoOverPi) {
  // Standard error of phi at d = 1e5: about 2/pi * 2 * 0.6 / sqrt(d) = 0.0024.
  EXPECT_NEAR(phi(test::gaussian<float>(100000, 1, 3).view().span()), 2.0 / std::numbers::pi, 0.01);
}

TEST(Density, IsScaleFreeAndBoundedAndAgreesAtPEqualTwo) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto v = test::gaussian<double>(17, 1, seed);
    const auto span = v.view().span();
    for (const double p : {1.0001, 1.05, 1.5, 2.0}) {
      const double density = phi_p(span, p);
      EXPECT_GE(density, 1.0 / 17.0);
      EXPECT_LE(density, 1.0 + 1e-12);
      for (const double c : {-1e-200, 1e200}) {
        EXPECT_NEAR(phi_p(test::scaled(v, c).view().span(), p), density, 1e-11 / (p - 1.0));
      }
    }
    EXPECT_NEAR(phi_p(span, 2.0), phi(span), 1e-14);
    EXPECT_GE(phi(span), 1.0 / 17.0);
  }
}

TEST(Density, OfNothingIsUndefined) {
  EXPECT_TRUE(std::isnan(phi(Vector{0, 0})));
  EXPECT_TRUE(std::isnan(phi_max(Vector{0, 0})));
  EXPECT_TRUE(std::isnan(phi_p(Vector{0, 0}, 1.5)));
  EXPECT_TRUE(std::isnan(phi(Vector{})));
}

TEST(Density, RefusesOrdersOutsideOneToTwo) {
  for (const double p : {1.0, 2.1, std::nan("")}) EXPECT_THROW((void)phi_p(Vector{1, 2}, p), std::invalid_argument);
}

TEST(Ranks, CountEqualSingularValues) {
  const Svd basis = compact_svd(test::gaussian<double>(6, 9, 5).view());
  const auto three = test::with_singular_values<double>(basis, {2, 2, 2, 0, 0, 0});
  EXPECT_NEAR(nuclear_rank(three.view()), 3.0, 1e-12);
  EXPECT_NEAR(stable_rank(three.view()), 3.0, 1e-12);
  const auto uneven = test::with_singular_values<double>(basis, {4, 3, 0, 0, 0, 0});
  EXPECT_NEAR(nuclear_rank(uneven.view()), 49.0 / 25.0, 1e-12);
  EXPECT_NEAR(stable_rank(uneven.view()), 25.0 / 16.0, 1e-12);
}

}  // namespace
}  // namespace normdescent
