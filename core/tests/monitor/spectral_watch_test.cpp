// SPDX-License-Identifier: Apache-2.0
#include "normdescent/monitor/spectral_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "normdescent/norms/norms.hpp"
#include "normdescent/probe/noise.hpp"
#include "probe/samples.hpp"

namespace normdescent {
namespace {

std::vector<ParameterInfo> model() {
  return {{"table", {50, 8}, Role::embedding},
          {"wide", {20, 30}, Role::matrix},
          {"gain", {9}, Role::vector},
          {"tall", {40, 10}, Role::matrix}};
}

void fill(ParameterBuffer<float>& buffer, Philox& random) {
  for (float& g : buffer.gradients()) g = static_cast<float>(5.0 + random.normal());
}

void observe(SpectralWatch& watch, ParameterBuffer<float>& buffer) {
  watch.observe(buffer.parameters()[*watch.watched()].gradient, ObservedGradient::micro_batch, 1.0);
}

TEST(SpectralWatch, MeasuresMatricesInTurnAsTheProbeDoes) {
  ParameterBuffer<float> buffer(model());
  SpectralWatch watch(model());
  Philox random(1);
  std::vector<MatrixNoise> expected(4);
  for (const std::size_t turn : {1U, 3U, 1U}) {
    ASSERT_EQ(watch.watched(), turn);
    NoiseAccumulator noise(buffer.parameters());
    MatrixNoiseAccumulator all(buffer.parameters(), 3);
    for (int k = 0; k < 7; ++k) {
      fill(buffer, random);
      all.add(buffer.parameters(), noise);
      noise.add(buffer.parameters());
      observe(watch, buffer);
    }
    watch.end_step();
    expected[turn] = all.summaries()[turn];
  }
  const SpectralNoise report = watch.report();
  EXPECT_EQ(report.measured, 2);
  for (const std::size_t t : {1U, 3U}) {
    EXPECT_EQ(report.tensors[t].count, 7);
    EXPECT_NEAR(report.tensors[t].nuclear, expected[t].nuclear, 1e-5 * expected[t].nuclear);
    EXPECT_NEAR(report.tensors[t].nuclear_error, expected[t].nuclear_error, 1e-3 * expected[t].nuclear_error);
    EXPECT_NEAR(report.tensors[t].stable_rank, expected[t].stable_rank, 1e-4 * expected[t].stable_rank);
  }
  EXPECT_DOUBLE_EQ(report.nuclear.value, report.tensors[1].nuclear + report.tensors[3].nuclear);
  EXPECT_DOUBLE_EQ(report.nuclear.standard_error,
                   std::hypot(report.tensors[1].nuclear_error, report.tensors[3].nuclear_error));
}

// Of all matrices together 1 only where each has the same noise in each direction.
// sigma = 1 everywhere: S_2 of all entries, S_1, rows sqrt(n) x m sqrt(n), and so with columns: all but the first are
// d.
TEST(SpectralWatch, MeasuresEveryGeometryAndOneOfOnesOwn) {
  std::vector<Geometry> geometries = builtin_geometries();
  geometries.emplace_back("rows", RowWise{});
  ParameterBuffer<float> buffer(model());
  SpectralWatch watch(model(), geometries);
  for (const NoiseInGeometry& each : watch.report().geometries) EXPECT_TRUE(std::isnan(each.noise_scale));
  Philox random(5);
  for (int turn = 0; turn < 2; ++turn) {
    for (int k = 0; k < 40; ++k) {
      fill(buffer, random);
      observe(watch, buffer);
    }
    watch.end_step();
  }
  const SpectralNoise report = watch.report();
  ASSERT_EQ(report.geometries.size(), geometries.size());
  for (const NoiseInGeometry& each : report.geometries) {
    // 39 degrees of freedom in each of 1000 entries; the spectral scale is biased downward and less than d for
    // matrices this close to square.
    const double expected = each.geometry.is_inner_product() ? std::sqrt(1000.0) : 1000.0;
    const double tolerance = each.geometry == geometries::spectral() ? 0.1 : 0.02;
    EXPECT_NEAR(each.noise_scale / expected, 1.0, tolerance) << each.geometry.name();
  }
  // A stranger's rows are measured by their dual norm, which is the same.
  EXPECT_NEAR(report.geometries[5].noise_scale / report.geometries[3].noise_scale, 1.0, 0.01);
}

TEST(SpectralWatch, DensityOfTheModelIsThatOfTheBlockDiagonalMatrix) {
  const std::vector<ParameterInfo> tensors = {{"a", {4, 4000}, Role::matrix}, {"b", {4, 4000}, Role::matrix}};
  for (const float scale : {1.0F, 3.0F}) {
    ParameterBuffer<float> buffer(tensors);
    SpectralWatch watch(tensors);
    Philox random(2);
    for (int step = 0; step < 2; ++step) {
      for (int k = 0; k < 8; ++k) {
        fill(buffer, random);
        for (float& g : buffer.gradients()) g *= step == 0 ? 1.0F : scale;
        observe(watch, buffer);
      }
      watch.end_step();
    }
    const Estimate density = watch.report().density;
    const double truth = (1.0 + scale) * (1.0 + scale) / (2.0 * (1.0 + scale * scale));
    EXPECT_NEAR(density.value, truth, 0.01);
    EXPECT_NEAR(density.value, truth, 5.0 * density.standard_error + 1e-3);
    EXPECT_LT(density.standard_error, 0.02);
  }
}

TEST(SpectralWatch, OneMicroBatchAStepShowsNothingAndSaysSo) {
  ParameterBuffer<float> buffer(model());
  SpectralWatch watch(model());
  Philox random(3);
  for (int step = 0; step < 3; ++step) {
    fill(buffer, random);
    observe(watch, buffer);
    watch.end_step();
    EXPECT_EQ(watch.watched(), 1U);
  }
  EXPECT_TRUE(std::isnan(watch.report().nuclear.value));
  EXPECT_NE(watch.report().reason.find("two micro-batches"), std::string::npos);
  const SpectralWatch none(std::vector<ParameterInfo>{{"gain", {9}, Role::vector}});
  EXPECT_FALSE(none.watched());
  EXPECT_EQ(none.report().reason, "no tensor is a matrix");
}

TEST(SpectralWatch, AFrozenMatrixIsPassedOver) {
  ParameterBuffer<float> buffer(model());
  SpectralWatch watch(model());
  Philox random(7);
  watch.observe({}, ObservedGradient::micro_batch, 1.0);
  watch.end_step();
  EXPECT_EQ(watch.watched(), 3U);
  watch.end_step();
  EXPECT_EQ(watch.watched(), 3U) << "a step in which nothing was asked for";
  for (int k = 0; k < 4; ++k) {
    fill(buffer, random);
    observe(watch, buffer);
  }
  watch.end_step();
  EXPECT_EQ(watch.report().measured, 1);
  EXPECT_EQ(watch.report().tensors[1].count, 0);
}

TEST(SpectralWatch, NotFiniteGradientsAreNotMeasuredAsNumbers) {
  ParameterBuffer<float> buffer(model());
  SpectralWatch watch(model());
  Philox random(4);
  for (int k = 0; k < 4; ++k) {
    fill(buffer, random);
    if (k == 2) buffer.parameters()[1].gradient[5] = std::numeric_limits<float>::quiet_NaN();
    observe(watch, buffer);
  }
  watch.end_step();
  EXPECT_TRUE(std::isnan(watch.report().nuclear.value));
  EXPECT_TRUE(std::isnan(watch.report().density.value));
}

TEST(SpectralWatch, OneThatLoadsTheStateOfAnotherGoesOnAsItWould) {
  ParameterBuffer<float> buffer(model());
  SpectralWatch whole(model());
  SpectralWatch loaded(model());
  Philox random(5);
  for (int step = 0; step < 4; ++step) {
    for (int k = 0; k < 5; ++k) {
      if (step == 1 && k == 3) {  // in the middle of a step
        StateDict state;
        whole.save(state);
        loaded.load(state);
      }
      fill(buffer, random);
      observe(whole, buffer);
      if (step > 1 || (step == 1 && k >= 3)) observe(loaded, buffer);
    }
    whole.end_step();
    if (step < 1) continue;
    loaded.end_step();
    EXPECT_EQ(loaded.watched(), whole.watched());
    EXPECT_EQ(loaded.report().density.value, whole.report().density.value);
    EXPECT_EQ(loaded.report().nuclear.standard_error, whole.report().nuclear.standard_error);
    for (std::size_t g = 0; g < builtin_geometries().size(); ++g)
      EXPECT_EQ(loaded.report().geometries[g].noise_scale, whole.report().geometries[g].noise_scale);
  }
}

TEST(SpectralWatch, RefusesAStateThatIsNotItsOwn) {
  ParameterBuffer<float> buffer(model());
  SpectralWatch watch(model());
  Philox random(6);
  fill(buffer, random);
  observe(watch, buffer);
  StateDict own;
  watch.save(own);
  for (const auto& [name, tensor] : own.tensors) {
    StateDict damaged = own;
    damaged.tensors[name].bytes.resize(tensor.bytes.size() + 8);
    EXPECT_THROW(watch.load(damaged), std::invalid_argument) << name;
    damaged.tensors.erase(name);
    EXPECT_THROW(watch.load(damaged), std::invalid_argument) << name;
  }
  StateDict far = own;
  far.tensors["spectral_place"].bytes[0] = std::byte{2};  // two matrices: turns 0 and 1
  EXPECT_THROW(watch.load(far), std::invalid_argument);
  StateDict after;
  watch.save(after);
  EXPECT_EQ(after, own);
}

TEST(SpectralWatch, RefusesAGradientOfAnotherSize) {
  SpectralWatch watch(model());
  EXPECT_THROW(watch.observe(std::vector<float>(7), ObservedGradient::micro_batch, 1.0), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
