// SPDX-License-Identifier: Apache-2.0
// Descent in a geometry that the catalog has too is the catalog's optimizer; in one of one's own it is saved and goes
// on.
#include "normdescent/optimizers/norm_descent.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/norms/norms.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {
namespace {

const std::vector<ParameterInfo> kInfos{{"a", {3, 2}, Role::matrix}, {"b", {4}}};

// The l-infinity norm, as a stranger would write it: in double only, and without knowing that there is one.
struct LargestEntry {
  [[nodiscard]] double value(ConstMatrixView<double> g) const { return LInf{}.value(g); }
  [[nodiscard]] double dual(ConstMatrixView<double> g) const { return LInf{}.dual(g); }
  void dual_unit(ConstMatrixView<double> g, MatrixView<double> out) const { LInf{}.dual_unit(g, out); }
};
static_assert(!NormOver<LargestEntry, float>);

template <class T>
void set_gradients(ParameterBuffer<T>& buffer, int t) {
  for (std::size_t i = 0; i < buffer.gradients().size(); ++i) {
    buffer.gradients()[i] = static_cast<T>(std::sin(1.7 * static_cast<double>(i) + t));
  }
}

template <class T>
void expect_equal_runs(const OptimizerSpec& one, const OptimizerSpec& other) {
  ParameterBuffer<T> ours(kInfos);
  ParameterBuffer<T> theirs(kInfos);
  Optimizer<T> own(one, kInfos);
  Optimizer<T> known(other, kInfos);
  for (int t = 0; t < 10; ++t) {
    set_gradients(ours, t);
    set_gradients(theirs, t);
    ASSERT_TRUE(own.step(ours.parameters(), 1.0 / (t + 1)).finite);
    ASSERT_TRUE(known.step(theirs.parameters(), 1.0 / (t + 1)).finite);
    for (std::size_t i = 0; i < ours.values().size(); ++i) ASSERT_EQ(ours.values()[i], theirs.values()[i]) << t;
  }
}

TEST(NormDescent, InTheLargestEntryIsSignumBitForBit) {
  const Geometry largest("largest-entry", LargestEntry{}, {.shape_scale = [](Index, Index) { return 1.0; }});
  const OptimizerSpec known = signum({.learning_rate = 0.1, .beta = 0.75, .decoupled_decay = 0.5});
  const OptimizerSpec own = norm_descent(largest, {.learning_rate = 0.1, .beta = 0.75, .decoupled_decay = 0.5});
  EXPECT_EQ(own.name, "largest-entry-descent");
  expect_equal_runs<double>(own, known);
  expect_equal_runs<float>(own, known);
}

TEST(NormDescent, InRowsIsTheCatalogsOnMatricesAndSignElsewhere) {
  OptimizerSpec rows = row_normalized_sgd({.learning_rate = 0.1, .beta = 0.5});
  rows.routes.push_back({.role = Role::vector, .recipe = signum({.learning_rate = 0.1, .beta = 0.5}).fallback});
  const NormDescentOptions options{.learning_rate = 0.1, .beta = 0.5, .unit = StepUnit::norm};
  expect_equal_runs<double>(norm_descent(geometries::row_wise(), options), rows);
}

TEST(NormDescent, UnitsOfRmsGiveEveryTensorTheSameStep) {
  for (const Geometry& geometry : builtin_geometries()) {
    if (geometry.is_inner_product()) continue;
    ParameterBuffer<double> buffer(kInfos);
    Optimizer<double> optimizer(norm_descent(geometry, {.learning_rate = 0.5}), kInfos);
    set_gradients(buffer, 3);
    ASSERT_TRUE(optimizer.step(buffer.parameters()).finite);
    double squares = 0.0;
    for (std::size_t i = 0; i < 6; ++i) squares += buffer.values()[i] * buffer.values()[i];
    EXPECT_NEAR(std::sqrt(squares / 6.0), 0.5, 1e-12) << geometry.name();
    for (std::size_t i = 6; i < 10; ++i) EXPECT_EQ(std::abs(buffer.values()[i]), 0.5) << geometry.name();
  }
}

TEST(NormDescent, IsSavedExplainedAndGoesOnBitForBit) {
  const Geometry largest("largest-entry", LargestEntry{});
  const OptimizerSpec spec = norm_descent(largest, {.learning_rate = 0.1, .beta = 0.9});
  ParameterBuffer<float> whole(kInfos);
  Optimizer<float> uninterrupted(spec, kInfos);
  ParameterBuffer<float> split(kInfos);
  Optimizer<float> first(spec, kInfos);
  for (int t = 0; t < 6; ++t) {
    set_gradients(whole, t);
    (void)uninterrupted.step(whole.parameters());
    if (t >= 3) continue;
    set_gradients(split, t);
    (void)first.step(split.parameters());
  }
  EXPECT_EQ(first.explain().front().direction, "dual(largest-entry, unit=rms)");
  Optimizer<float> second(spec, kInfos);
  second.load_state(first.state());
  for (int t = 3; t < 6; ++t) {
    set_gradients(split, t);
    (void)second.step(split.parameters());
  }
  for (std::size_t i = 0; i < whole.values().size(); ++i) EXPECT_EQ(split.values()[i], whole.values()[i]);
  const Geometry renamed("another", LargestEntry{});
  Optimizer<float> stranger(norm_descent(renamed, {.learning_rate = 0.1, .beta = 0.9}), kInfos);
  EXPECT_THROW(stranger.load_state(first.state()), std::invalid_argument);
}

TEST(NormDescent, SkipsTensorsWithoutGradientAndNonFiniteSteps) {
  ParameterBuffer<float> buffer(kInfos);
  Optimizer<float> own(norm_descent(geometries::euclidean(), {.learning_rate = 0.5}), kInfos);
  set_gradients(buffer, 1);
  auto list = std::vector(buffer.parameters().begin(), buffer.parameters().end());
  list[0].gradient = {};
  ASSERT_TRUE(own.step(list).finite);
  double moved = 0.0;
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(buffer.values()[i], 0.0F);
  for (std::size_t i = 6; i < 10; ++i) moved += buffer.values()[i] * buffer.values()[i];
  EXPECT_NEAR(std::sqrt(moved), 0.5, 1e-6);  // a few roundings of float
  buffer.gradients()[7] = std::numeric_limits<float>::quiet_NaN();
  const float before = buffer.values()[6];
  EXPECT_EQ(own.step(buffer.parameters()).first_nonfinite_parameter, "b");
  EXPECT_EQ(buffer.values()[6], before);
}

// A norm that gives up: the step says so instead of ending the program in a parallel region.
struct Refusing {
  [[nodiscard]] double value(ConstMatrixView<double>) const { return 0.0; }
  [[nodiscard]] double dual(ConstMatrixView<double>) const { return 0.0; }
  void dual_unit(ConstMatrixView<double>, MatrixView<double>) const { throw std::runtime_error("no"); }
};

TEST(NormDescent, RefusesWrongOptionsAndPassesOnWhatANormThrows) {
  const Geometry refusing("refusing", Refusing{}, {.shape_scale = [](Index, Index) { return 1.0; }});
  EXPECT_THROW((void)norm_descent(refusing, {.beta = 1.0}), std::invalid_argument);
  EXPECT_THROW((void)norm_descent(refusing, {.learning_rate = -1.0}), std::invalid_argument);
  EXPECT_THROW((void)Geometry("", Refusing{}), std::invalid_argument);
  Optimizer<float> own(norm_descent(refusing), kInfos);
  ParameterBuffer<float> buffer(kInfos);
  EXPECT_THROW((void)own.step(buffer.parameters()), std::runtime_error);
}

}  // namespace
}  // namespace normdescent
