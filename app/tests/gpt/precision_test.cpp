// SPDX-License-Identifier: Apache-2.0
// The kernel's precisions on whatever processor this is. ctest runs the whole executable a second time with
// DNNL_MAX_CPU_ISA=AVX2, under which oneDNN has no products of bfloat16 (gpt.avx2).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "normdescent/gpt/objective.hpp"

namespace normdescent {
namespace {

constexpr GptShape kPreciseShape{.layers = 2, .width = 16, .heads = 2, .context = 8, .vocabulary = 13};

std::unique_ptr<Objective> make_objective(Precision precision) {
  GptData data;
  data.context = kPreciseShape.context;
  data.training_windows = [](const Batch& batch, std::span<std::int64_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::int64_t>((batch.first + 5 * i) % 13);
  };
  data.validation_windows = std::make_shared<const std::vector<std::int64_t>>(5 * 9, 1);
  data.chunk = 2;
  return make_gpt_objective(kPreciseShape, precision, std::move(data), 1);
}

TEST(GptPrecision, IsOneThatTheProcessorHas) {
  EXPECT_EQ(resolve(Precision::float32), Precision::float32);
  EXPECT_NE(resolve(Precision::automatic), Precision::automatic);
  const char* limit = std::getenv("DNNL_MAX_CPU_ISA");
  if (limit == nullptr || std::string_view(limit) != "AVX2") return;
  EXPECT_EQ(resolve(Precision::bfloat16), Precision::float32);
  EXPECT_EQ(resolve(Precision::automatic), Precision::float32);
}

TEST(GptPrecision, Bfloat16IsTakenEverywhereAndAgreesWithFloat) {
  const auto exact = make_objective(Precision::float32);
  const auto rounded = make_objective(Precision::bfloat16);
  const double loss = exact->gradient({1, 0, 3});
  EXPECT_NEAR(rounded->gradient({1, 0, 3}), loss, 1e-2 * loss);
  double difference = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < exact->parameters().size(); ++i) {
    const auto& a = exact->parameters()[i].gradient;
    const auto& b = rounded->parameters()[i].gradient;
    for (std::size_t k = 0; k < a.size(); ++k) {
      difference += std::pow(double{a[k]} - double{b[k]}, 2);
      size += std::pow(double{a[k]}, 2);
    }
  }
  EXPECT_LT(std::sqrt(difference / size), 5e-2)
      << "operands are rounded at 2^-9, over a dozen products one after another";
}

TEST(RoundedValues, OfFloatAreNone) { EXPECT_TRUE(make_objective(Precision::float32)->rounded_values().empty()); }

// One side is told when its rounded values are those of the values, the other rounds them anew.
TEST(RoundedValues, ThatAreTrustedGiveTheSameBits) {
  const auto anew = make_objective(Precision::bfloat16);
  const auto trusted = make_objective(Precision::bfloat16);
  const auto expect_equal = [&] {
    EXPECT_EQ(trusted->gradient({1, 0, 3}), anew->gradient({1, 0, 3}));
    for (std::size_t i = 0; i < anew->parameters().size(); ++i) {
      EXPECT_TRUE(std::ranges::equal(trusted->parameters()[i].gradient, anew->parameters()[i].gradient)) << i;
    }
  };
  const auto change = [](Objective& objective) {
    for (const auto& p : objective.parameters()) {
      for (float& x : p.value) x *= 1.25F;
    }
  };
  expect_equal();
  trusted->trust_rounded_values();  // of the call before
  expect_equal();
  for (const auto* objective : {&anew, &trusted}) change(**objective);
  const auto rounded = trusted->rounded_values();
  for (std::size_t i = 0; i < rounded.size(); ++i) {
    const auto& value = trusted->parameters()[i].value;
    for (std::size_t k = 0; k < value.size(); ++k) rounded[i][k] = to_bfloat16(value[k]);
  }
  trusted->trust_rounded_values();
  expect_equal();
  for (const auto* objective : {&anew, &trusted}) change(**objective);
  expect_equal();  // the word was good for one call
  for (const auto* objective : {&anew, &trusted}) change(**objective);
  const double validation = trusted->validation_loss();  // in three chunks
  (void)anew->loss({1, 0, 3});
  EXPECT_EQ(validation, anew->validation_loss());
}

TEST(RoundedValues, AreTakenAtTheCallersWord) {
  const auto objective = make_objective(Precision::bfloat16);
  const auto rounded = objective->rounded_values();
  if (rounded.empty()) GTEST_SKIP() << "no products of bfloat16 here";
  EXPECT_EQ(rounded.size(), objective->parameters().size());
  const double loss = objective->loss({1, 0, 3});
  for (std::size_t i = 0; i < rounded.size(); ++i)
    std::fill_n(rounded[i], objective->parameters()[i].value.size(), Bfloat16{});
  objective->trust_rounded_values();
  EXPECT_DOUBLE_EQ(objective->loss({1, 0, 3}), std::log(13.0));  // all logits are 0
  EXPECT_EQ(objective->loss({1, 0, 3}), loss);
}

}  // namespace
}  // namespace normdescent
