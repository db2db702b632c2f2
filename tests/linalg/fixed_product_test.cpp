// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/fixed_product.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent::fixed {
namespace {

constexpr Index kRows = 150;
constexpr Index kColumns = 70;
constexpr Index kInner = 90;

std::vector<float> gaussian(Index size, std::uint64_t seed) {
  std::vector<float> x(static_cast<std::size_t>(size));
  Philox random(seed);
  for (float& entry : x) entry = static_cast<float>(random.normal());
  return x;
}

std::vector<Bfloat16> rounded(const std::vector<float>& x) {
  std::vector<Bfloat16> y;
  for (const float entry : x) y.push_back(to_bfloat16(entry));
  return y;
}

struct Case {
  Type type;
  bool turns_a, turns_b;
  ProductOptions options;
};

// A stored (rows, inner) or transposed, B (inner, columns) or transposed; C starts at 1.
std::vector<float> product(const Case& test, Engine engine, Index columns) {
  const auto a = gaussian(kRows * kInner, 1);
  const auto b = gaussian(kInner * columns, 2);
  const auto bias = gaussian(columns, 3);
  const auto layout = [&](Index rows, Index cols, bool turns) {
    return turns ? Layout::rows(cols, rows, test.type).transposed() : Layout::rows(rows, cols, test.type);
  };
  ProductOptions options = test.options;
  options.engine = engine;
  const Product p(layout(kRows, kInner, test.turns_a), layout(kInner, columns, test.turns_b),
                  Layout::rows(kRows, columns, Type::float32), options);
  std::vector<float> c(static_cast<std::size_t>(kRows * columns), 1.0F);
  const float* const row = options.has_bias ? bias.data() : nullptr;
  if (test.type == Type::float32) {
    p.run(a.data(), b.data(), c.data(), row);
  } else {
    p.run(rounded(a).data(), rounded(b).data(), c.data(), row);
  }
  return c;
}

void expect_equal(const Case& test, Index columns, bool upper_only) {
  const auto ours = product(test, Engine::automatic, columns);
  const auto theirs = product(test, Engine::onednn, columns);
  for (Index i = 0; i < kRows; ++i) {
    for (Index j = upper_only ? i : 0; j < columns; ++j) {
      const auto at = static_cast<std::size_t>(i * columns + j);
      ASSERT_NEAR(ours[at], theirs[at], 3e-5) << i << " " << j;
    }
  }
}

TEST(FixedProduct, EnginesAgree) {
  for (const Type type : {Type::float32, Type::bfloat16}) {
    if (type == Type::bfloat16 && !has_bfloat16()) continue;
    for (const bool turns_a : {false, true}) {
      for (const bool turns_b : {false, true}) {
        expect_equal({type, turns_a, turns_b, {}}, kColumns, false);
        expect_equal({type, turns_a, turns_b, {.has_bias = true}}, kColumns, false);
        expect_equal({type, turns_a, turns_b, {.accumulates = true}}, kColumns, false);
        expect_equal({type, turns_a, turns_b, {.upper_only = true}}, kRows, true);
      }
    }
  }
}

}  // namespace
}  // namespace normdescent::fixed
