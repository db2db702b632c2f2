// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "linalg/matrices.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/polar_solver.hpp"

namespace normdescent {
namespace {

using test::kSets;

// Smallest and largest image of many s, spaced evenly and by factors, and finely below 1.
Interval sampled(const CoefficientSet& set, int steps, double low, double high) {
  Interval seen{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  const auto take = [&](double s) {
    const double image = map_singular_value(set, steps, std::clamp(s, low, high));
    seen = {std::min(seen.low, image), std::max(seen.high, image)};
  };
  constexpr int kSamples = 20000;
  for (int i = 0; i <= kSamples; ++i) {
    const double t = static_cast<double>(i) / kSamples;
    take(low + t * (high - low));
    const double least = std::max(low, 1e-9 * high);
    take(least * std::pow(high / least, t));
  }
  return seen;
}

// ---- the intervals --------------------------------------------------------------------------------------------------

struct TableLine {
  const char* set;
  int steps;
  double low, output_low, output_high;
};
// Image of [low, 1], found elsewhere by a dense grid in plain fp64; printed to four digits.
constexpr std::array kTable{
    TableLine{"jordan", 5, 0.00518, 0.6818, 1.1344},      TableLine{"jordan", 5, 0.01, 0.6818, 1.1344},
    TableLine{"jordan", 8, 0.1, 0.6818, 1.1344},          TableLine{"jordan", 5, 0.00151, 0.6818, 1.2024},
    TableLine{"jordan", 5, 0.001, 0.4705, 1.2024},        TableLine{"jordan", 3, 0.01, 0.400, 1.202},
    TableLine{"jordan", 4, 0.01, 0.682, 1.202},           TableLine{"polar-express", 4, 0.003, 0.4396, 1.5604},
    TableLine{"polar-express", 5, 0.003, 0.8703, 1.1236}, TableLine{"polar-express", 6, 0.003, 0.9974, 1.0012},
    TableLine{"polar-express", 4, 0.001, 0.4188, 1.5604}, TableLine{"polar-express", 5, 0.001, 0.8402, 1.1236},
    TableLine{"polar-express", 6, 0.001, 0.9935, 1.0012}, TableLine{"polar-express", 7, 0.001, 1 - 1.08e-5, 1 - 1.6e-6},
    TableLine{"polar-express", 7, 0.0005, 0.9676, 1.0},   TableLine{"polar-express", 8, 0.0005, 0.9999, 1.0},
    TableLine{"polar-express", 8, 0.0001, 0.570, 1.0},    TableLine{"polar-express", 12, 0.0001, 1.0, 1.0},
};

TEST(Certify, ReproducesThePublishedTable) {
  for (const auto& line : kTable) {
    const Interval image = certify(*find_coefficients(line.set), line.steps, line.low, 1.0);
    EXPECT_NEAR(image.low, line.output_low, 1e-3) << line.set << " " << line.steps << " " << line.low;
    EXPECT_NEAR(image.high, line.output_high, 1e-3) << line.set << " " << line.steps << " " << line.low;
  }
}

TEST(Certify, EnclosesEverySampleAndIsTight) {
  for (const auto* set : kSets) {
    for (const double low : {0.0, 0.0005, 0.01, 0.3, 0.999}) {
      for (const double high : {1.0, 1.004}) {
        for (const int steps : {1, 2, 3, 5, 8, 12}) {
          const Interval proven = certify(*set, steps, low, high);
          const Interval seen = sampled(*set, steps, low, high);
          // Samples are rounded to nearest: their own error through the steps is below 1e-13.
          EXPECT_LE(proven.low, seen.low + 1e-13) << set->name << " " << steps << " " << low;
          EXPECT_GE(proven.high, seen.high - 1e-13) << set->name << " " << steps << " " << low;
          // Between samples the extremes are missed by slope times spacing, at most 1000 * 5e-5 at the low end.
          EXPECT_GE(proven.low, seen.low - 1e-3) << set->name << " " << steps << " " << low;
          EXPECT_LE(proven.high, seen.high + 1e-3) << set->name << " " << steps << " " << low;
        }
      }
    }
  }
}

TEST(Certify, EnclosesWhatPlainDoublesRoundAway) {
  // One step at one point: the exact value, known to 64 bits, lies inside although the interval is only roundings wide.
  Philox random(9);
  for (int i = 0; i < 2000; ++i) {
    const double s = random.uniform();
    const auto& [a, b, c] = jordan_coefficients().step(0);
    const long double x = static_cast<long double>(s) * s;
    const long double exact = s * (a + x * (b + x * c));
    const Interval proven = certify(jordan_coefficients(), 1, s, s);
    EXPECT_LT(proven.low, exact);
    EXPECT_GT(proven.high, exact);
    EXPECT_LE(proven.high - proven.low, 1e-14);
  }
}

TEST(Certify, IsExactToRoundingAtADoubleCriticalPoint) {
  // (1.875, -1.25, 0.375) has p'(1) = p''(1) = 0, where the enclosure of the critical point itself is wide.
  const Interval image = certify(polar_express_coefficients(), 8, 0.001, 1.0);
  EXPECT_NEAR(image.low, 1.0, 1e-14);
  EXPECT_NEAR(image.high, 1.0, 1e-14);
}

TEST(Certify, HandlesSignsDecreasingPiecesAndDivergence) {
  static constexpr std::array kStep{QuinticStep{1.0, -1.0, 0.0}};  // s - s^3: maximum 2/(3 sqrt 3) at 1/sqrt 3
  const CoefficientSet set{.name = "test", .schedule = kStep, .safety = 1.0, .default_steps = 1, .certificates = {}};
  const Interval once = certify(set, 1, 0.0, 2.0);
  EXPECT_NEAR(once.low, -6.0, 1e-13);
  EXPECT_NEAR(once.high, 2.0 / (3.0 * std::sqrt(3.0)), 1e-13);
  const Interval twice = certify(set, 2, 0.0, 2.0);  // of [-6, 0.385]: 210 at -6, minimum at -1/sqrt 3
  EXPECT_NEAR(twice.low, -2.0 / (3.0 * std::sqrt(3.0)), 1e-13);
  EXPECT_NEAR(twice.high, 210.0, 1e-11);
  EXPECT_EQ(certify(set, 60, 0.0, 2.0).high, std::numeric_limits<double>::infinity());
}

TEST(Certify, RefusesWhatIsNoInterval) {
  const auto& set = jordan_coefficients();
  EXPECT_THROW((void)certify(set, 0, 0.0, 1.0), std::invalid_argument);
  EXPECT_THROW((void)certify(set, 5, 0.5, 0.4), std::invalid_argument);
  EXPECT_THROW((void)certify(set, 5, -0.1, 0.4), std::invalid_argument);
  EXPECT_THROW((void)certify(set, 5, 0.1, std::nan("")), std::invalid_argument);
}

TEST(Certificates, HoldAndAreTight) {
  for (const auto* set : kSets) {
    ASSERT_FALSE(set->certificates.empty());
    for (const auto& [steps, input, output] : set->certificates) {
      const Interval image = certify(*set, steps, input.low, input.high);
      EXPECT_GE(image.low, output.low) << set->name << " " << steps << " " << input.low;
      EXPECT_LE(image.high, output.high) << set->name << " " << steps << " " << input.low;
      EXPECT_LE(image.low - output.low, 1e-4) << set->name << " " << steps << " " << input.low;
      EXPECT_LE(output.high - image.high, 1e-4) << set->name << " " << steps << " " << input.low;
    }
  }
}

TEST(PolarExpress, GainsAtZeroAreThePublishedOnes) {
  const double gains[] = {8.2, 33.4, 130.4, 428.6, 976, 1828, 3394, 6363};
  for (int steps = 1; steps <= 8; ++steps) {
    const auto& set = polar_express_coefficients();
    const double gain = map_singular_value(set, steps, set.safety * 1e-12) / 1e-12;
    EXPECT_NEAR(gain, gains[steps - 1], steps < 5 ? 0.05 : 0.55);
  }
}

// ---- safety ---------------------------------------------------------------------------------------------------------

// Polar Express as printed in many places: without its safety factor.
struct Unsafe {
  std::array<QuinticStep, 8> steps{};
  CoefficientSet set{};
  Unsafe() {
    const auto& safe = polar_express_coefficients();
    for (std::size_t k = 0; k < 8; ++k) {
      const double f = k < 7 ? safe.safety : 1.0;
      const auto& p = safe.schedule[k];
      steps[k] = {p.a * f, p.b * std::pow(f, 3), p.c * std::pow(f, 5)};
    }
    set = {.name = "unsafe", .schedule = steps, .safety = 1.0, .default_steps = 5, .certificates = {}};
  }
};

TEST(RankOneSafety, HoldsForEveryNamedSet) {
  for (const auto* set : kSets) {
    for (int steps = 1; steps <= 12; ++steps) EXPECT_TRUE(is_safe_for_rank_one(*set, steps)) << set->name << steps;
  }
}

TEST(RankOneSafety, RefusesPolarExpressWithoutItsSafetyFactor) {
  const Unsafe bad;
  for (int steps = 3; steps <= 8; ++steps) EXPECT_FALSE(is_safe_for_rank_one(bad.set, steps)) << steps;
}

TEST(CheckedCoefficients, LetSafeSetsThroughAndRefuseOthersByNameAndImage) {
  for (const auto* set : kSets) EXPECT_EQ(checked_coefficients(*set, 7).default_steps, 7) << set->name;
  const Unsafe bad;
  try {
    (void)checked_coefficients(bad.set, 5);
    FAIL();
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("coefficient set unsafe: image of [1, 1 + 2^-8] after "), 0U) << text;
    EXPECT_NE(text.find("must lie within (0, 2]"), std::string::npos) << text;
  }
  EXPECT_THROW(PolarSolver<float>({.steps = 5, .coefficients = bad.set}), std::invalid_argument);
  CoefficientSet set = jordan_coefficients();
  EXPECT_THROW((void)checked_coefficients(set, 0), std::invalid_argument);
  set.safety = 0.99;
  EXPECT_THROW((void)checked_coefficients(set, 5), std::invalid_argument);
  set = jordan_coefficients();
  set.schedule = {};
  EXPECT_THROW((void)checked_coefficients(set, 5), std::invalid_argument);
  static constexpr std::array kNan{QuinticStep{std::numeric_limits<double>::quiet_NaN(), 0.0, 0.0}};
  set.schedule = kNan;
  EXPECT_THROW((void)checked_coefficients(set, 5), std::invalid_argument);
}

TEST(CheckedCoefficients, AreWhatTheSolverRuns) {
  const auto g = test::gaussian<double>(20, 30, 3);
  test::Matrix<double> own(20, 30);
  test::Matrix<double> named(20, 30);
  CoefficientSet set = classic_coefficients();
  set.name = "mine";
  PolarSolver<double> solver({.steps = 9, .coefficients = set});
  const PolarTask<double> task{g.view(), own.view()};
  solver.run(std::span(&task, 1));
  PolarWorkspace<double> workspace;
  polar("classic", 9, g.view(), named.view(), workspace);
  EXPECT_LE(test::largest_difference(own.entries, named.entries), 1e-13);
}

TEST(RankOneSafety, EndsWhereItWasMeasured) {  // the first s > 1 whose image exceeds 2, to three digits
  EXPECT_LE(certify(jordan_coefficients(), 5, 1.0, 1.2635).high, kRankOneLimit);
  EXPECT_GT(certify(jordan_coefficients(), 5, 1.0, 1.2645).high, kRankOneLimit);
  EXPECT_LE(certify(polar_express_coefficients(), 5, 1.0, 1.0205).high, kRankOneLimit);
  EXPECT_GT(certify(polar_express_coefficients(), 5, 1.0, 1.0220).high, kRankOneLimit);
}

TEST(RankOneSafety, RefusesASetThatFlipsTheSignOfTheTopDirection) {
  static constexpr std::array kStep{QuinticStep{1.5, -2.0, 0.0}};
  const CoefficientSet set{.name = "flip", .schedule = kStep, .safety = 1.0, .default_steps = 1, .certificates = {}};
  EXPECT_FALSE(is_safe_for_rank_one(set, 1));
}

TEST(RankOneSafety, IsWhatAMatrixWithARoundedNormSees) {
  // A norm that came out 0.4 % too small, as in bf16.
  const auto g = test::rank_one<double>(8, 6, 3);
  test::Matrix<double> out(8, 6);
  PolarWorkspace<double> workspace;
  Unsafe bad;
  bad.set.safety /= 1.0 + kNormalizationRounding;
  polar_newton_schulz(bad.set, 5, g.view(), out.view(), workspace);
  EXPECT_GT(singular_values(out.view())[0], 1e3);
  CoefficientSet good = polar_express_coefficients();
  good.safety /= 1.0 + kNormalizationRounding;
  polar_newton_schulz(good, 5, g.view(), out.view(), workspace);
  EXPECT_NEAR(singular_values(out.view())[0], 1.0, 0.13);
}

TEST(Coefficients, AreFoundByTheirNames) {
  for (const auto& name : coefficient_names()) {
    ASSERT_NE(find_coefficients(name), nullptr) << name;
    EXPECT_EQ(find_coefficients(name)->name, name);
  }
  EXPECT_EQ(find_coefficients("svd"), nullptr);
  EXPECT_EQ(coefficient_names().size(), kSets.size());
}

}  // namespace
}  // namespace normdescent
