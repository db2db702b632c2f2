// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/spread.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/predict/predict.hpp"
#include "normdescent/statistics/distributions.hpp"

namespace normdescent {
namespace {

constexpr int kDraws = 20'000;
// Four standard errors of a share of kDraws.
constexpr double kTolerance = 4.0 * 0.5 / 141.4;

TEST(Conformal, RankIsThatOfNPlusOne) {
  // ceil(11 x 0.8) = 9 of 10; a rank of n would take the 8th.
  EXPECT_EQ(conformal_half_width(std::vector<double>{1, -2, 3, -4, 5, -6, 7, -8, 9, -10}), 9.0);
  EXPECT_EQ(conformal_half_width(std::vector<double>{4, 1, 3, 2}), 4.0);                 // ceil(5 x 0.8)
  EXPECT_EQ(conformal_half_width(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9}), 8.0);  // exactly 8
}

TEST(Conformal, CoversANewErrorAsOftenAsItSays) {
  // Of 11 exchangeable errors each is as likely to be the new one: it is among the 9 smallest with 9 / 11.
  constexpr int kTimes = 2000;
  int covered = 0;
  for (std::uint64_t seed = 1; seed <= kTimes; ++seed) {
    Philox random(seed);
    std::vector<double> errors;
    for (int i = 0; i < 10; ++i) errors.push_back(std::exp(random.normal()));  // nothing is assumed of them
    covered += std::exp(random.normal()) <= conformal_half_width(errors) ? 1 : 0;
  }
  EXPECT_GT(binomial_p_value(covered, kTimes, 9.0 / 11.0), 0.001) << covered;
}

TEST(ProbabilitiesOfBest, ErrorsLargeAgainstTheGapAreDrawnTogether) {
  // Both err by the same 1 or -1, the gap is 0.8, and each has jitter of 0.5: the first wins with Phi(0.8 / 0.5 sqrt
  // 2). Drawn apart, one in two draws would add a difference of 2 or -2 to the gap: 0.70 instead of 0.87.
  const ErrorTable errors = {{1.0, 1.0}, {-1.0, -1.0}};
  const auto p = probabilities_of_best(std::vector<double>{0.8, 0.0}, {false, false}, errors, kDraws, 1);
  const double joint = normal_cdf(0.8 / (kJitter * std::sqrt(2.0)));
  // Of the two problems and the imagined one in which all are alike.
  EXPECT_NEAR(p[0], (2.0 * joint + 0.5) / 3.0, kTolerance);
  EXPECT_NEAR(p[0] + p[1], 1.0, 1e-12);
}

TEST(ProbabilitiesOfBest, AreThoseOfTheErrorsAndTheJitter) {
  // The reference has neither; the other errs by 3 or -1, root mean square sqrt 5.
  const ErrorTable errors = {{0.0, 3.0}, {0.0, -1.0}};
  const auto p = probabilities_of_best(std::vector<double>{0.5, 0.0}, {true, false}, errors, kDraws, 2);
  const double jitter = kJitter * std::sqrt(5.0);
  const double wins = 0.5 * normal_cdf((3.0 - 0.5) / jitter) + 0.5 * normal_cdf((-1.0 - 0.5) / jitter);
  EXPECT_NEAR(p[1], (2.0 * wins + 0.5) / 3.0, kTolerance);
}

TEST(ProbabilitiesOfBest, WithoutErrorsIgnoranceIsANormal) {
  const ErrorTable errors = {{0.0, kNaN}};
  const auto p = probabilities_of_best(std::vector<double>{0.0, 0.7}, {true, false}, errors, kDraws, 3);
  EXPECT_NEAR(p[1], (normal_cdf(0.7 / kIgnoranceError) + 0.5) / 2.0, kTolerance);
}

TEST(ProbabilitiesOfBest, AMissingErrorComesFromAnotherRow) {
  // The second column knows only 2: in every row it wins by 2 - 1 = 1, with jitter 1 on it.
  const ErrorTable errors = {{0.0, kNaN}, {0.0, 2.0}, {0.0, kNaN}};
  const auto p = probabilities_of_best(std::vector<double>{1.0, 0.0}, {true, false}, errors, kDraws, 4);
  EXPECT_NEAR(p[1], (3.0 * normal_cdf(1.0 / (kJitter * 2.0)) + 0.5) / 4.0, kTolerance);
}

TEST(PredictFromAProbe, ProbabilityIsThatOfItsNormal) {
  // One opinion: density 0.5, one bit; its errors are those that no measurement explains.
  ProbeReport probe;
  probe.dimension = 100;
  probe.batch_size = 8;
  GeometryReport sign;
  sign.geometry = geometries::sign();
  sign.noise_density = 0.5;
  probe.start.geometries = {sign};
  const std::vector<Entrant> entrants = {{"sgd", geometries::euclidean(), false}, {"signsgd", geometries::sign()}};
  const Prediction prediction = predict(std::span(&probe, 1), entrants, {.plan = {}, .draws = kDraws});
  EXPECT_NEAR(std::log2(prediction.optimizers[1].speedup_vs_sgd), 1.0, 1e-12);
  const double error = std::hypot(kModelError, kVariantError);
  EXPECT_NEAR(prediction.optimizers[1].probability_best, normal_cdf(1.0 / error), kTolerance);
  EXPECT_NEAR(kNormalQuantile90, normal_quantile(0.9), 1e-15);
  EXPECT_NEAR(std::log2(prediction.optimizers[1].high), 1.0 + normal_quantile(0.9) * error, 1e-9);
}

}  // namespace
}  // namespace normdescent
