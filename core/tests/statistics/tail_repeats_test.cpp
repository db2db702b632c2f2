// SPDX-License-Identifier: Apache-2.0
// Tails of series in which one value comes again and again, and readings that are none.
// bench/statistics/tail_verdicts.cpp has the shares of wrong verdicts (docs/statistics.md).
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "normdescent/base/numbers.hpp"
#include "normdescent/statistics/repeated_values.hpp"
#include "normdescent/statistics/tail_comparison.hpp"
#include "probe/samples.hpp"

namespace normdescent {
namespace {

using DrawLaw = std::function<double(Philox&)>;

ScalarSamples draw_with_zeros(std::size_t count, double zeros, std::uint64_t seed, const DrawLaw& law) {
  constexpr std::size_t kSeries = 128;
  ScalarSamples samples{.series = kSeries, .values = {}};
  Philox random(seed, 7);
  for (std::size_t k = 0; k < count * kSeries; ++k)
    samples.values.push_back(random.uniform() < zeros ? 0.0 : law(random) * static_cast<double>(1 + k % kSeries % 5));
  return samples;
}

double gaussian(Philox& random) { return random.normal(); }
double uniform(Philox& random) { return 2.0 * random.uniform() - 1.0; }
double heavy(Philox& random) { return testing::symmetric_pareto(random, 1.3); }

TailComparison compared(const ScalarSamples& samples) { return compare_tails(samples, estimate_tail_index(samples)); }

TEST(RepeatedValues, AreThoseOfMoreThanASixteenthAndThreeTimes) {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back(i);
  for (int i = 0; i < 4; ++i) values.insert(values.end(), {0.5, -0.0});  // 4 and, with 0, 5 times
  values.insert(values.end(), {7.0, 7.0});                               // 3 times
  EXPECT_EQ(repeated_values(values), (std::vector<double>{0.0, 0.5}));
  for (int i = 0; i < 100; ++i) values.push_back(1000 + i);  // 5 of 150 and 4 of 150 are less than a sixteenth
  EXPECT_EQ(repeated_values(values), std::vector<double>{});
}

TEST(TailsWithZeros, LawsOfFiniteVarianceAreNeverInfinite) {
  for (const std::size_t count : {std::size_t{64}, std::size_t{400}}) {
    for (const DrawLaw& law : {DrawLaw(gaussian), DrawLaw(uniform)}) {
      for (const double zeros : {0.0, 0.5, 0.9, 0.99}) {
        const ScalarSamples samples = draw_with_zeros(count, zeros, 3, law);
        const TailComparison tails = compared(samples);
        EXPECT_NE(tails.verdict, TailVerdict::heavy) << tails.sentence;
        EXPECT_EQ(tails.sentence.find("infinite variance"), std::string::npos) << tails.sentence;
        // Sixteen values that differ in each series: of 64 with half of them, of 400 with a tenth.
        const double differ = (1.0 - zeros) * static_cast<double>(count);
        if (differ > 24.0) {
          EXPECT_EQ(tails.verdict, TailVerdict::finite_variance) << tails.sentence;
        }
        if (differ < 5.0) {
          EXPECT_EQ(tails.verdict, TailVerdict::not_measured) << tails.sentence;
          EXPECT_NE(estimate_tail_index(samples).explanation().find("repeat one value"), std::string::npos);
        }
        EXPECT_EQ(tails.sentence.find("left out") != std::string::npos, zeros > 0.0);
      }
    }
  }
}

TEST(TailsWithZeros, HeavyLawsAreStillHeavy) {
  for (const double zeros : {0.0, 0.5}) {
    const TailComparison tails = compared(draw_with_zeros(128, zeros, 4, heavy));
    EXPECT_EQ(tails.verdict, TailVerdict::heavy) << tails.sentence;
  }
}

TEST(TailsWithZeros, ZerosBetweenValuesChangeNothing) {
  // The same 64 values of each series, with 64 zeros among them in other places of each.
  Philox random(5);
  ScalarSamples dense{.series = 40, .values = std::vector<double>(64 * 40)};
  for (double& x : dense.values) x = random.normal();
  ScalarSamples sparse{.series = 40, .values = std::vector<double>(128 * 40, 0.0)};
  for (std::size_t j = 0; j < 40; ++j) {
    for (std::size_t k = 0; k < 64; ++k) sparse.values[(2 * k + (j + k) % 2) * 40 + j] = dense.values[k * 40 + j];
  }
  EXPECT_NEAR(estimate_tail_index(sparse).two_scale.value, estimate_tail_index(dense).two_scale.value, 1e-12);
  EXPECT_NEAR(estimate_tail_index(sparse).repeated, 0.5, 1e-12);
  EXPECT_NEAR(estimate_hill(sparse).alpha.value, estimate_hill(dense).alpha.value, 1e-12);
  EXPECT_NEAR(estimate_moment_growth(sparse).alpha.value, estimate_moment_growth(dense).alpha.value, 1e-12);
}

TEST(TailsWithZeros, ValuesOfALatticeAreNotMeasured) {
  const ScalarSamples signs = draw_with_zeros(64, 0.5, 6, [](Philox& r) { return r.uniform() < 0.5 ? -1.0 : 1.0; });
  EXPECT_EQ(compared(signs).verdict, TailVerdict::not_measured);
  EXPECT_EQ(estimate_tail_index(signs).series, 0);
}

TEST(TailsWithZeros, ValuesThatAreLeftOutBeforeCountAsZerosDo) {
  const ScalarSamples zeros = draw_with_zeros(128, 0.4, 8, gaussian);
  ScalarSamples left_out = zeros;
  for (double& x : left_out.values) x = x == 0.0 ? kNaN : x;
  EXPECT_EQ(compared(left_out).sentence, compared(zeros).sentence);
}

TEST(TailsWithZeros, AnInfiniteGradientIsSaid) {
  ScalarSamples samples = draw_with_zeros(64, 0.0, 9, gaussian);
  samples.values[77] = kInfinity;
  const TailIndex tail = estimate_tail_index(samples);
  EXPECT_EQ(tail.series, 0);
  EXPECT_NE(tail.explanation().find("not finite"), std::string::npos);
  EXPECT_EQ(compared(samples).verdict, TailVerdict::not_measured);
}

TEST(TailIndex, AReadingAtTheEndOfItsBracketIsNone) {
  // A sum is as large as its largest term, and those are a factor 2^20 apart: growth as of an index of 0.03.
  ScalarSamples samples{.series = 1, .values = {}};
  for (int k = 0; k < 16; ++k) {
    for (const double sign : {1.0, -1.0}) samples.values.push_back(sign * std::ldexp(1.0, 20 * k));  // mean exactly 0
  }
  const TailIndex tail = estimate_tail_index(samples);
  EXPECT_EQ(tail.series, 0);
  EXPECT_EQ(tail.two_scale.value, 0.0);
  EXPECT_NE(tail.explanation().find("no tail index between 0.2 and 50"), std::string::npos) << tail.explanation();
  EXPECT_EQ(tail.verdict(), TailVerdict::not_measured);
}

TEST(Tails, ReadingsThatAreFarApartSayThatTheyDisagree) {
  const ScalarSamples samples = draw_with_zeros(256, 0.0, 10, heavy);
  TailIndex low = estimate_tail_index(samples);
  ASSERT_EQ(compare_tails(samples, low).verdict, TailVerdict::heavy);
  low.two_scale = {0.5, 0.02};  // heavy as the others, but not with their 1.3
  const TailComparison tails = compare_tails(samples, low);
  EXPECT_TRUE(tails.disagree) << tails.sentence;
  EXPECT_EQ(tails.verdict, TailVerdict::undecided);
}

TEST(Tails, VerdictsAllowForTheBiasOfFiniteVariance) {
  TailIndex tail;
  tail.samples = 64;
  tail.series = 10;
  const auto verdict = [&](double value, double error) {
    tail.two_scale = {value, error};
    return tail.verdict();
  };
  EXPECT_EQ(verdict(1.50, 0.07), TailVerdict::heavy);
  EXPECT_EQ(verdict(1.50, 0.08), TailVerdict::undecided);
  EXPECT_EQ(verdict(1.74, 0.05), TailVerdict::undecided);  // Student with 2.5 degrees of freedom reads this
  EXPECT_EQ(verdict(1.95, 0.03), TailVerdict::finite_variance);
  EXPECT_EQ(verdict(2.10, 0.12), TailVerdict::undecided);
  tail.series = 0;
  EXPECT_EQ(tail.verdict(), TailVerdict::not_measured);
}

/// Mean of squared errors over the variance of the values, over 200 seeds: 1 if errors are what they say.
double error_over_spread(std::size_t count, const DrawLaw& law,
                         const std::function<Estimate(const ScalarSamples&)>& read) {
  constexpr int kSeeds = 200;
  double sum = 0.0;
  double squares = 0.0;
  double errors = 0.0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    ScalarSamples samples{.series = 12, .values = {}};
    Philox random(seed, 11);
    for (std::size_t k = 0; k < count * samples.series; ++k) samples.values.push_back(law(random));
    const Estimate alpha = read(samples);
    sum += alpha.value;
    squares += alpha.value * alpha.value;
    errors += alpha.standard_error * alpha.standard_error;
  }
  return errors / kSeeds / ((squares - sum * sum / kSeeds) / (kSeeds - 1));
}

TEST(TailErrors, AreTheSpreadOverTwoHundredSeeds) {
  // A variance of 200 values is known to 10%. Leaving an eighth of 64 samples out of sums of 16 is a large step, so
  // that the jackknife is generous: 2.5 for sums of Gaussians, 1.1 to 1.6 for the others. An error that lacks one
  // factor alpha, 1.5 to 3, would be 2.3 to 9 times less.
  const auto sums = [](const ScalarSamples& s) { return estimate_tail_index(s).two_scale; };
  const auto hill = [](const ScalarSamples& s) { return estimate_hill(s).alpha; };
  const auto growth = [](const ScalarSamples& s) { return estimate_moment_growth(s).alpha; };
  const auto stable = [](Philox& r) { return testing::symmetric_stable(r, 1.5); };
  const auto student = [](Philox& r) { return testing::student(r, 3); };
  for (const auto& [name, ratio] : {std::pair("sums, Gaussian", error_over_spread(64, gaussian, sums)),
                                    std::pair("sums, stable", error_over_spread(64, stable, sums)),
                                    std::pair("growth, Gaussian", error_over_spread(64, gaussian, growth)),
                                    std::pair("growth, stable", error_over_spread(64, stable, growth)),
                                    std::pair("Hill, Student", error_over_spread(64, student, hill))}) {
    EXPECT_GT(ratio, 0.75) << name;
    EXPECT_LT(ratio, 3.0) << name;
  }
}

}  // namespace
}  // namespace normdescent
