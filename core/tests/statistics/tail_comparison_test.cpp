// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/tail_comparison.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "probe/samples.hpp"

namespace normdescent {
namespace {

ScalarSamples draw(std::size_t count, std::size_t series, std::uint64_t seed,
                   const std::function<double(Philox&)>& law) {
  ScalarSamples samples{.series = series, .values = {}};
  Philox random(seed);
  for (std::size_t k = 0; k < count; ++k) {
    // Scales differ between series: pooling must not take that for a tail.
    for (std::size_t j = 0; j < series; ++j) samples.values.push_back(law(random) * static_cast<double>(j + 1));
  }
  return samples;
}

TEST(Hill, RecoversKnownTails) {
  const auto pareto = estimate_hill(draw(512, 32, 1, [](Philox& r) { return testing::symmetric_pareto(r, 1.5); }));
  // Centring by a mean that heavy tails move adds up to 10%.
  EXPECT_NEAR(pareto.alpha.value, 1.5, 3.0 * pareto.alpha.standard_error + 0.15);
  EXPECT_EQ(pareto.verdict(), TailVerdict::heavy);
  const auto student = estimate_hill(draw(512, 32, 2, [](Philox& r) { return testing::student(r, 3); }));
  EXPECT_NEAR(student.alpha.value, 3.0, 3.0 * student.alpha.standard_error + 0.3);  // reads 2.9 far out (theory E5)
  EXPECT_EQ(student.verdict(), TailVerdict::finite_variance);
  const auto gaussian = estimate_hill(draw(512, 32, 3, [](Philox& r) { return r.normal(); }));
  EXPECT_GT(gaussian.alpha.value, 4.0);
}

TEST(MomentGrowth, RecoversKnownTailsBelowFour) {
  const auto pareto =
      estimate_moment_growth(draw(512, 32, 4, [](Philox& r) { return testing::symmetric_pareto(r, 1.5); }));
  EXPECT_NEAR(pareto.alpha.value, 1.5, 3.0 * pareto.alpha.standard_error + 0.15);
  const auto stable =
      estimate_moment_growth(draw(512, 32, 5, [](Philox& r) { return testing::symmetric_stable(r, 1.2); }));
  EXPECT_NEAR(stable.alpha.value, 1.2, 3.0 * stable.alpha.standard_error + 0.15);
  const auto gaussian = estimate_moment_growth(draw(512, 32, 6, [](Philox& r) { return r.normal(); }));
  EXPECT_GT(gaussian.alpha.value, 3.0);
  EXPECT_LE(gaussian.alpha.value, 4.0);
}

// A probe has 64 micro-batches: blocks of 4 and 16, over which the mean of x^4 has not settled.
TEST(MomentGrowth, OfGaussianInAProbesSamplesReadsBelowThree) {
  for (std::uint64_t seed = 9; seed < 14; ++seed) {
    const auto gaussian = estimate_moment_growth(draw(64, 256, seed, [](Philox& r) { return r.normal(); }));
    EXPECT_GT(gaussian.alpha.value, 2.5);
    EXPECT_LT(gaussian.alpha.value, 2.8);
    EXPECT_NE(gaussian.verdict(), TailVerdict::heavy);
  }
}

TEST(Tails, AgreeOnGaussianAndOnPareto) {
  for (const bool heavy : {false, true}) {
    const auto samples =
        draw(512, 32, 7, [&](Philox& r) { return heavy ? testing::symmetric_pareto(r, 1.3) : r.normal(); });
    const TailComparison tails = compare_tails(samples, estimate_tail_index(samples));
    EXPECT_FALSE(tails.disagree) << tails.sentence;
    EXPECT_EQ(tails.hill.verdict(), heavy ? TailVerdict::heavy : TailVerdict::finite_variance) << tails.sentence;
  }
}

TEST(Tails, SayThatTheyDisagree) {
  const auto samples = draw(512, 32, 8, [](Philox& r) { return r.normal(); });
  TailIndex heavy_reading = estimate_tail_index(samples);
  heavy_reading.two_scale = {1.3, 0.1};
  const TailComparison tails = compare_tails(samples, heavy_reading);
  EXPECT_TRUE(tails.disagree);
  EXPECT_NE(tails.sentence.find("they disagree"), std::string::npos);
}

TEST(Tails, ConstantAndTooFewSamplesAreNotMeasured) {
  const auto constant = draw(64, 32, 1, [](Philox&) { return 1.0; });
  EXPECT_EQ(estimate_hill(constant).verdict(), TailVerdict::not_measured);
  EXPECT_EQ(estimate_moment_growth(constant).verdict(), TailVerdict::not_measured);
  const auto few = draw(15, 32, 1, [](Philox& r) { return r.normal(); });
  EXPECT_EQ(estimate_hill(few).verdict(), TailVerdict::not_measured);
  EXPECT_EQ(estimate_moment_growth(few).verdict(), TailVerdict::not_measured);
}

}  // namespace
}  // namespace normdescent
