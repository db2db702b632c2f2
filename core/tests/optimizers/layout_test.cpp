// SPDX-License-Identifier: Apache-2.0
// Which matrices a matrix rule sees inside a tensor.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "normdescent/linalg/polar.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

// The first step from 0 of plain Muon (no momentum, scale 1, rate 1) is -msign of what the rule sees.
OptimizerSpec plain_muon() {
  return muon({.learning_rate = 1.0, .beta = 0.0, .method = "svd", .shape_scale = ShapeScale::none});
}

std::vector<double> first_step(const OptimizerSpec& spec, const ParameterInfo& info) {
  ParameterBuffer<double> buffer({info});
  fill_normal(buffer.gradients(), 5);
  Optimizer<double> optimizer(spec, {info});
  optimizer.step(buffer.parameters());
  return copy(buffer.values());
}

std::vector<double> minus_msign_of_slices(const ParameterInfo& info, Index count, Index rows, Index cols) {
  ParameterBuffer<double> buffer({info});
  fill_normal(buffer.gradients(), 5);
  std::vector<double> out(buffer.gradients().size());
  for (Index k = 0; k < count; ++k) {
    const Index at = k * rows * cols;
    polar_svd<double>({buffer.gradients().data() + at, rows, cols}, {out.data() + at, rows, cols});
  }
  for (double& x : out) x = -x;
  return out;
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  // The SVD's own error, at most 20 eps on these sizes.
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 5e-15) << i;
}

const ParameterInfo kFused{.name = "h.0.attn.qkv", .shape = {12, 5}, .role = Role::matrix};

TEST(Layout, FusedBlocksAreOrthogonalizedOneByOne) {
  const auto split = first_step(plain_muon().with_layout("*.qkv", {.row_blocks = 3}), kFused);
  expect_near(split, minus_msign_of_slices(kFused, 3, 4, 5));
  const auto heads = first_step(plain_muon().with_layout("*.qkv", {.row_blocks = 6}), kFused);
  expect_near(heads, minus_msign_of_slices(kFused, 6, 2, 5));
  const auto whole = first_step(plain_muon(), kFused);
  expect_near(whole, minus_msign_of_slices(kFused, 1, 12, 5));
  EXPECT_GT(std::abs(whole[0] - split[0]), 1e-3) << "the split makes a difference";
}

TEST(Layout, AStackIsOrthogonalizedSliceBySlice) {
  const ParameterInfo stack{.name = "experts", .shape = {4, 6, 3}, .role = Role::matrix};
  expect_near(first_step(plain_muon().with_layout("experts", {.is_stacked = true}), stack),
              minus_msign_of_slices(stack, 4, 6, 3));
  expect_near(first_step(plain_muon().with_layout("experts", {.row_blocks = 2, .is_stacked = true}), stack),
              minus_msign_of_slices(stack, 8, 3, 3));
}

TEST(Layout, AConvolutionIsItsOutputsAgainstAllElse) {
  const ParameterInfo kernel{.name = "conv", .shape = {4, 3, 2, 2}, .role = Role::matrix};
  expect_near(first_step(plain_muon(), kernel), minus_msign_of_slices(kernel, 1, 4, 12));
}

TEST(Layout, TheShapeScaleIsThatOfTheBlock) {
  Recipe recipe{.name = "r", .direction = Orthogonalize{}, .shape_scale = ShapeScale::sqrt_out_over_in};
  EXPECT_DOUBLE_EQ(shape_scale(recipe, kFused), std::sqrt(12.0 / 5.0));
  recipe.layout.row_blocks = 3;
  EXPECT_DOUBLE_EQ(shape_scale(recipe, kFused), std::sqrt(4.0 / 5.0));
  recipe.layout = {.is_stacked = true};
  recipe.orientation = Orientation::in_out;
  const ParameterInfo stack{.name = "s", .shape = {4, 6, 3}, .role = Role::matrix};
  EXPECT_DOUBLE_EQ(shape_scale(recipe, stack), std::sqrt(3.0 / 6.0));
}

TEST(Layout, IsExplained) {
  const Optimizer<float> optimizer(muon().with_layout("*.qkv", {.row_blocks = 3}), {kFused});
  EXPECT_EQ(optimizer.explain().front().direction, "msign(halley, 2 steps) on 3 matrices of (4, 5)");
  const Optimizer<float> rounded(muon({.precision = ProductPrecision::bfloat16}), {kFused});
  EXPECT_EQ(rounded.explain().front().direction, "msign(halley, 2 steps, bfloat16)");
}

TEST(Layout, WhatDoesNotFitIsRefusedByName) {
  const auto refusal = [](const OptimizerSpec& spec) {
    try {
      const Optimizer<float> optimizer(spec, {kFused});
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("no refusal");
  };
  EXPECT_EQ(refusal(muon().with_layout("*", {.row_blocks = 5})),
            "parameter h.0.attn.qkv: row_blocks = 5, must divide the 12 rows");
  EXPECT_EQ(refusal(muon().with_layout("*", {.is_stacked = true})),
            "parameter h.0.attn.qkv: 2 dimensions, must be at least 3 for a stack of matrices");
  EXPECT_NE(refusal(muon().with_layout("*", {.row_blocks = 0})).find("row_blocks = 0, must be >= 1"),
            std::string::npos);
}

TEST(Precision, Bfloat16IsRefusedForDoubleParameters) {
  const auto spec = muon({.precision = ProductPrecision::bfloat16});
  EXPECT_THROW(Optimizer<double>(spec, {kFused}), std::invalid_argument);
  EXPECT_THROW(Optimizer<float>(muon({.method = "svd", .precision = ProductPrecision::bfloat16}), {kFused}),
               std::invalid_argument);
}

TEST(Precision, Bfloat16MovesAsFullPrecisionUpToItsRounding) {
  const ParameterInfo info{.name = "w", .shape = {60, 100}, .role = Role::matrix};
  std::vector<std::vector<float>> ends;
  for (const auto precision : {ProductPrecision::full, ProductPrecision::bfloat16}) {
    ParameterBuffer<float> buffer({info});
    fill_normal(buffer.gradients(), 5);
    Optimizer<float> optimizer(muon({.learning_rate = 1.0, .precision = precision, .shape_scale = ShapeScale::none}),
                               {info});
    optimizer.step(buffer.parameters());
    ends.push_back(copy(buffer.values()));
  }
  double error = 0.0;
  for (std::size_t i = 0; i < ends[0].size(); ++i) error += std::pow(ends[0][i] - ends[1][i], 2);
  EXPECT_GT(error, 0.0);
  // Relative to ||msign||_F = sqrt(60); measured 0.003 on Gaussian matrices.
  EXPECT_LE(std::sqrt(error / 60.0), 0.01);
}

}  // namespace
}  // namespace normdescent
