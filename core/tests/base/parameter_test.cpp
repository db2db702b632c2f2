// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/parameter.hpp"

#include <gtest/gtest.h>

namespace normdescent {
namespace {

TEST(ParameterInfo, SeesTensorsAsMatricesWithTheFirstDimensionAsRows) {
  const ParameterInfo convolution{.name = "conv", .shape = {8, 3, 5, 5}, .role = Role::matrix};
  EXPECT_EQ(convolution.rows(), 8);
  EXPECT_EQ(convolution.cols(), 75);
  EXPECT_EQ(convolution.size(), 600);
  const ParameterInfo bias{.name = "bias", .shape = {8}};
  EXPECT_EQ(bias.rows(), 8);
  EXPECT_EQ(bias.cols(), 1);
  const ParameterInfo scalar{.name = "scale", .shape = {}};
  EXPECT_EQ(scalar.rows() * scalar.cols(), 1);
  EXPECT_EQ(scalar.size(), 1);
}

TEST(ParameterBuffer, LaysTensorsOutInOrderWithoutGaps) {
  ParameterBuffer<float> buffer({{.name = "w", .shape = {2, 3}, .role = Role::matrix}, {.name = "b", .shape = {4}}});
  ASSERT_EQ(buffer.values().size(), 10U);
  ASSERT_EQ(buffer.gradients().size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) buffer.values()[i] = static_cast<float>(i);
  const auto parameters = buffer.parameters();
  EXPECT_EQ(dimension(parameters), 10);
  EXPECT_EQ(parameters[0].info.name, "w");
  EXPECT_EQ(parameters[0].value_matrix()(1, 2), 5.0F);
  EXPECT_EQ(parameters[1].value[0], 6.0F);
  parameters[1].gradient_matrix()(3, 0) = 2.0F;
  EXPECT_EQ(buffer.gradients()[9], 2.0F);
  EXPECT_EQ(buffer.gradients()[8], 0.0F) << "gradients start at zero";
}

TEST(Role, HasANameForEachValue) {
  EXPECT_STREQ(to_string(Role::matrix), "matrix");
  EXPECT_STREQ(to_string(Role::embedding), "embedding");
  EXPECT_STREQ(to_string(Role::head), "head");
  EXPECT_STREQ(to_string(Role::vector), "vector");
}

}  // namespace
}  // namespace normdescent
