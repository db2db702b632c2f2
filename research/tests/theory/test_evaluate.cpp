// SPDX-License-Identifier: Apache-2.0
// evaluate_bounds: what the command prints, for every method, and every refusal in the query's own words.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/theory/evaluate_measured.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

const BoundsQuery kQuery{.method = "signsgd", .delta = 1.0, .smoothness = 2.0, .noise = 0.5, .epsilon = 0.1};

BoundsQuery query_for(std::string_view method) {
  BoundsQuery query = kQuery;
  query.method = method;
  query.dimension = 100.0;
  query.density = 0.05;
  query.hessian_smoothness = 1.0;
  return query;
}

TEST(EvaluateBounds, SignSgdKnownAnswer) {
  const BoundsReport report = evaluate_bounds(kQuery);
  ASSERT_TRUE(report.upper && report.lower);
  EXPECT_EQ(report.stationarity, "l1");
  EXPECT_EQ(report.upper->run.steps, 1600.0);
  EXPECT_EQ(report.upper->run.batch, 400.0);
  EXPECT_EQ(report.upper->samples, 640000.0);
  EXPECT_EQ(report.upper->bound.source, "U1 [arXiv:2605.06615, Theorem 1]");
  EXPECT_NEAR(report.lower->value, 2 * (0.04 + 0.25) / (128 * 1e-4), 1e-9);
  EXPECT_EQ(report.lower->source, "L1 [rate: arXiv:2605.06615, Theorem 2; constants derived here]");
  EXPECT_FALSE(report.speedup_over_sgd);
}

TEST(EvaluateBounds, UpperLiesAboveEveryLowerBoundForEveryMethod) {
  Philox random(37);
  for (const auto& method : bounds_methods()) {
    for (int trial = 0; trial < 20; ++trial) {
      BoundsQuery query = query_for(method.name);
      query.delta = test::log_uniform(random, -2, 2);
      query.smoothness = test::log_uniform(random, -2, 2);
      query.noise = test::log_uniform(random, -2, 2);
      query.epsilon = std::sqrt(2 * query.delta * query.smoothness) * test::log_uniform(random, -3, -0.1);
      const BoundsReport report = evaluate_bounds(query);
      ASSERT_TRUE(report.upper) << method.name;
      EXPECT_LE(report.upper->bound.value, query.epsilon * (1 + 1e-11)) << method.name;
      if (report.lower) {
        EXPECT_GT(report.upper->log10_samples, report.lower->log10_value) << method.name;
      }
      EXPECT_EQ(report.lower.has_value(), report.lower_missing.empty()) << method.name;
      for (const auto& wider : report.wider_lower)
        EXPECT_GT(report.upper->log10_samples, wider.log10_value) << method.name;
      EXPECT_FALSE(report.assumptions.empty());
    }
  }
}

TEST(EvaluateBounds, HeavyTailsReachEveryMethodThatHasABoundThere) {
  for (const auto& method : bounds_methods()) {
    BoundsQuery query = query_for(method.name);
    query.tail = 1.5;
    if (method.name.find("mvr") != std::string_view::npos || method.name == "adagrad") {
      EXPECT_REFUSED(evaluate_bounds(query), "tail = 1.5, must be 2");
      continue;
    }
    const BoundsReport report = evaluate_bounds(query);
    EXPECT_EQ(report.upper.has_value(), report.upper_missing.empty()) << method.name;
    EXPECT_EQ(report.upper.has_value(), method.name != "sgd" && method.name != "sgd-l2") << method.name;
  }
}

TEST(EvaluateBounds, SgdPaysTheDimensionAndOneOverTheDensity) {
  const auto lower = [](double dimension, double density, double noise, double epsilon) {
    BoundsQuery query = kQuery;
    query.method = "sgd";
    query.dimension = dimension;
    query.density = density;
    query.noise = noise;
    query.epsilon = epsilon;
    return evaluate_bounds(query).lower->log10_value;
  };
  EXPECT_NEAR(lower(1e5, 1.0, 0.0, 1e-8) - lower(1e3, 1.0, 0.0, 1e-8), 2.0, 0.02);
  EXPECT_NEAR(lower(1e9, 1e-8, 1.0, 1e-12) - lower(1e9, 1e-6, 1.0, 1e-12), 2.0, 0.1);
}

TEST(EvaluateBounds, RelativeConstantsAreForSignumOnly) {
  BoundsQuery query = query_for("signum");
  const double plain = evaluate_bounds(query).upper->samples;
  query.relative_smoothness = 0.5;
  query.relative_noise = 0.01;
  const BoundsReport report = evaluate_bounds(query);
  EXPECT_NE(report.upper->bound.source.find("U6"), std::string::npos);
  EXPECT_TRUE(report.upper->bound.holds());
  EXPECT_GT(report.upper->samples, plain);
  query.relative_noise = -1.0;
  EXPECT_REFUSED(evaluate_bounds(query), "relative_noise = -1, must be non-negative and finite");
  query.relative_noise = 0.01;
  query.method = "lion";
  EXPECT_REFUSED(evaluate_bounds(query), "relative_smoothness = 0.5, must be left out: known for signum only");
}

TEST(EvaluateBounds, AdagradHasBothBoundsAndNeedsADimension) {
  BoundsQuery query = query_for("adagrad");
  const BoundsReport report = evaluate_bounds(query);
  EXPECT_LE(report.upper->bound.value, query.epsilon);
  EXPECT_GT(report.upper->samples, report.lower->value);
  query.batch = 2.0;
  EXPECT_REFUSED(evaluate_bounds(query), "batch = 2, must be 1 for adagrad");
  query.batch.reset();
  query.dimension.reset();
  query.density.reset();
  EXPECT_REFUSED(evaluate_bounds(query), "dimension = (not given), must be given for adagrad");
}

TEST(EvaluateBounds, AFixedBatchIsKept) {
  BoundsQuery query = kQuery;
  query.batch = 64.0;
  for (const char* method : {"signum", "lion", "muonlight"}) {
    query.method = method;
    EXPECT_EQ(evaluate_bounds(query).upper->run.batch, 64.0) << method;
  }
  query.method = "signsgd";  // 2 S_B = 0.125 > epsilon
  const BoundsReport report = evaluate_bounds(query);
  ASSERT_EQ(report.flags.size(), 1U);
  EXPECT_EQ(report.flags.front().kind, FlagKind::noise_floor_above_target);
}

TEST(EvaluateBounds, AdagradsSpeedupNeedsCurvatureDensityAndAlignment) {
  BoundsQuery query = query_for("adagrad");
  query.dimension = 100;
  query.density = 0.05;
  EXPECT_FALSE(evaluate_bounds(query).speedup_over_sgd);
  query.curvature_density = 0.25;
  EXPECT_REFUSED(evaluate_bounds(query), "alignment = (not given), must be given for adagrad");
  query.alignment = 0.5;
  const BoundsReport report = evaluate_bounds(query);
  ASSERT_TRUE(report.speedup_over_sgd);
  EXPECT_DOUBLE_EQ(report.speedup_over_sgd->deterministic, 4.0);
  EXPECT_DOUBLE_EQ(report.speedup_over_sgd->noise, 5.0);
  EXPECT_NEAR(report.speedup_at_epsilon, (4 + 5 * 25) / 26.0, 1e-11);  // noise over epsilon is 5
  query.alignment = 1.5;
  EXPECT_REFUSED(evaluate_bounds(query), "alignment = 1.5, must be in [0, 1]");
  query.method = "signsgd";
  EXPECT_REFUSED(evaluate_bounds(query), "curvature_density = 0.25, must be left out: known for adagrad only");
}

TEST(EvaluateBounds, SpeedupIsReportedWithDimensionAndDensity) {
  const BoundsReport report = evaluate_bounds(query_for("signum"));
  ASSERT_TRUE(report.speedup_over_sgd);
  EXPECT_EQ(report.speedup_over_sgd->deterministic, 100.0);
  EXPECT_DOUBLE_EQ(report.speedup_over_sgd->noise, 20.0);
  EXPECT_NEAR(report.speedup_at_epsilon, (100 + 20 * 25) / 26.0, 1e-11);
}

TEST(EvaluateMeasured, AsksEveryGeometryForTheSameShareOfItsGradient) {
  const MeasuredProblem problem{
      .delta = 5.0,
      .dimension = 1000.0,
      .density = 0.3,
      .geometries = {{"euclidean", {10.0, 2.0, 1.0}}, {"sign", {500.0, 34.6, 20.0}}, {"spectral", {40.0, 9.0, 6.0}}}};
  const MeasuredBounds bounds = evaluate_bounds(problem, {.fraction = 0.25});
  // Not rows, columns, an unnamed norm and the two extrapolations.
  EXPECT_EQ(bounds.entries.size(), bounds_methods().size() - 5);
  for (const auto& entry : bounds.entries) {
    ASSERT_TRUE(entry.report) << entry.query.method << ": " << entry.refused;
    if (entry.query.method == "signum") {
      EXPECT_EQ(entry.query.epsilon, 5.0);
    }
    if (entry.query.method == "muon") {
      EXPECT_EQ(entry.query.epsilon, 1.5);
    }
    EXPECT_EQ(entry.report->speedup_over_sgd.has_value(),
              entry.query.method == "signsgd" || entry.query.method == "signum" || entry.query.method == "lion");
  }
  ASSERT_EQ(bounds.costs.size(), 3U);
  EXPECT_NEAR(bounds.costs[0].critical_batch, 16.0, 1e-12);
  EXPECT_NEAR(bounds.costs[1].over_euclidean->deterministic, 10.0 / (500.0 / 400.0), 1e-12);
  EXPECT_NEAR(bounds.costs[1].over_euclidean->noise, 8.0 * 4.0 / (1.73 * 1.73), 1e-11);
}

TEST(EvaluateMeasured, AGeometryOfOnesOwnHasTheBoundsOfEveryNorm) {
  const GeometryAtPoint at{40.0, 9.0, 6.0};
  const MeasuredProblem problem{
      .delta = 5.0, .dimension = 1000.0, .density = 0.3, .geometries = {{"row-wise", at}, {"schatten-4", at}}};
  const MeasuredBounds bounds = evaluate_bounds(problem, {.fraction = 0.25});
  ASSERT_EQ(bounds.entries.size(), 2U);
  EXPECT_EQ(bounds.entries[0].query.method, "row-normalized-sgd");
  EXPECT_EQ(bounds.entries[1].query.method, "norm-descent");
  EXPECT_EQ(bounds.entries[1].query.geometry, "schatten-4");
  ASSERT_TRUE(bounds.entries[1].report) << bounds.entries[1].refused;
  EXPECT_EQ(bounds.entries[1].report->stationarity, "its dual norm");
  EXPECT_EQ(bounds.entries[1].report->assumptions.front().tag, "N-dual");
  // The same constants, the same theorem.
  EXPECT_EQ(bounds.entries[1].report->upper->samples, bounds.entries[0].report->upper->samples);
}

TEST(EvaluateMeasured, AMethodThatIsRefusedDoesNotHideTheOthers) {
  const MeasuredProblem problem{
      .delta = 1.0, .dimension = 10.0, .geometries = {{"euclidean", {1e-6, 1.0, 1.0}}, {"sign", {5, 1, 1}}}};
  int refused = 0;
  for (const auto& entry : evaluate_bounds(problem, {}).entries) {
    EXPECT_EQ(entry.report.has_value(), entry.refused.empty());
    refused += entry.report ? 0 : 1;
    if (!entry.report) {
      EXPECT_NE(entry.refused.find("epsilon = 0.5, must be in (0, 0.00141"), std::string::npos);
    }
  }
  EXPECT_EQ(refused, 3);  // the euclidean ones: that gradient contradicts that smoothness
  EXPECT_REFUSED(evaluate_bounds(problem, {.fraction = 1.0}), "fraction = 1, must be in (0, 1)");
}

TEST(EvaluateBounds, RefusesEachFieldByName) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto with = [](auto field, double value) {
    BoundsQuery query = query_for("signsgd");
    query.*field = value;
    return query;
  };
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::delta, -1)), "delta = -1, must be positive and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::delta, nan)), "delta = nan, must be positive and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::smoothness, 0)), "smoothness = 0, must be positive and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::noise, -0.5)), "noise = -0.5, must be non-negative and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::noise, infinity)), "noise = inf, must be non-negative and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::epsilon, 2.5)), "epsilon = 2.5, must be in (0, 2): the start");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::epsilon, nan)), "epsilon = nan, must be in (0, 2)");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::tail, 1.0)), "tail = 1, must be in (1, 2]");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::tail, 2.1)), "tail = 2.1, must be in (1, 2]");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::batch, 0)), "batch = 0, must be at least 1 and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::dimension, 0)), "dimension = 0, must be at least 1 and finite");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::density, 0.009)),
                 "density = 0.009, must be in [1/dimension, 1] = [0.01, 1]");
  EXPECT_REFUSED(evaluate_bounds(with(&BoundsQuery::density, 1.1)), "density = 1.1, must be in [1/dimension, 1]");
  BoundsQuery query = kQuery;
  query.method = "sgd";
  EXPECT_REFUSED(evaluate_bounds(query), "dimension = (not given), must be given for sgd");
  query.method = "muon-extrapolation";
  EXPECT_REFUSED(evaluate_bounds(query), "hessian_smoothness = (not given), must be given for muon-extrapolation");
  query.method = "signsdg";
  EXPECT_REFUSED(evaluate_bounds(query), "did you mean signsgd?");
}

}  // namespace
}  // namespace normdescent
