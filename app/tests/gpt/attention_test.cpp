// SPDX-License-Identifier: Apache-2.0
// Attention in blocks, and the products that it is made of, against plain sums in float64.
#include "attention.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <vector>

#include "elements.hpp"
#include "normdescent/base/philox.hpp"
#include "tile_product.hpp"

namespace normdescent::gpt {
namespace {

template <class S>
std::vector<S> random(Index size, std::uint64_t seed) {
  std::vector<S> values(static_cast<std::size_t>(size));
  Philox generator(seed);
  for (S& x : values) store(static_cast<float>(generator.normal()), x);
  return values;
}

template <class S>
double at(const std::vector<S>& x, Index i) {
  return static_cast<double>(load(x[static_cast<std::size_t>(i)]));
}

template <class S>
class TileProduct : public ::testing::Test {};
using Types = ::testing::Types<float, Bfloat16>;
TYPED_TEST_SUITE(TileProduct, Types);

TYPED_TEST(TileProduct, EqualsTheSumInFloat64) {
  constexpr Index kG = kTogether<TypeParam>;
  for (const Index m : {4, 12}) {
    for (const Index n : {16, 48, 112}) {  // strips of every width
      for (const Index groups : {1, 7, 32}) {
        const auto a = random<TypeParam>(m * groups * kG, 1);
        const auto b = random<TypeParam>(n * groups * kG, 2);
        std::vector<float> c(static_cast<std::size_t>(m * n), 0.5F);
        for (const Store store : {Store::overwrite, Store::add}) {
          tile_product<TypeParam>({a.data(), groups * kG, kG}, {b.data(), n * kG}, {c.data(), n, store}, m, n, groups);
          for (Index i = 0; i < m; ++i) {
            for (Index j = 0; j < n; ++j) {
              double expected = 0.0;
              for (Index k = 0; k < groups * kG; ++k) {
                expected += at(a, i * groups * kG + k) * at(b, k / kG * n * kG + j * kG + k % kG);
              }
              if (store == Store::add) expected *= 2.0;  // on top of the first product
              // Each of up to 130 float sums of size about sqrt(64) rounds by 2^-24.
              EXPECT_NEAR(at(c, i * n + j), expected, 130.0 * 0x1p-24 * 16.0) << m << " " << n << " " << groups;
            }
          }
        }
      }
    }
  }
}

struct Case {
  Index b, t, heads, d;
};

/// o and dqkv of one call, in float64, by the definition.
struct Reference {
  std::vector<double> o, dqkv;
};

template <class S>
Reference reference(const Case& s, const std::vector<S>& qkv, const std::vector<S>& d_o) {
  const Index c = s.heads * s.d;
  Reference r{std::vector<double>(d_o.size()), std::vector<double>(qkv.size())};
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.d));
  for (Index b = 0; b < s.b; ++b) {
    for (Index h = 0; h < s.heads; ++h) {
      const auto in = [&](Index row, Index part, Index k) { return (b * s.t + row) * 3 * c + part * c + h * s.d + k; };
      const auto out = [&](Index row, Index k) { return (b * s.t + row) * c + h * s.d + k; };
      for (Index i = 0; i < s.t; ++i) {
        std::vector<double> p(static_cast<std::size_t>(i + 1));
        std::vector<double> dp(p.size());
        double sum = 0.0;
        double dot = 0.0;
        for (Index j = 0; j <= i; ++j) {
          double score = 0.0;
          for (Index k = 0; k < s.d; ++k) score += at(qkv, in(i, 0, k)) * at(qkv, in(j, 1, k));
          sum += p[static_cast<std::size_t>(j)] = std::exp(scale * score);
        }
        for (Index j = 0; j <= i; ++j) {
          double& weight = p[static_cast<std::size_t>(j)];
          weight /= sum;
          for (Index k = 0; k < s.d; ++k) {
            r.o[static_cast<std::size_t>(out(i, k))] += weight * at(qkv, in(j, 2, k));
            r.dqkv[static_cast<std::size_t>(in(j, 2, k))] += weight * at(d_o, out(i, k));
            dp[static_cast<std::size_t>(j)] += at(d_o, out(i, k)) * at(qkv, in(j, 2, k));
          }
          dot += weight * dp[static_cast<std::size_t>(j)];
        }
        for (Index j = 0; j <= i; ++j) {
          const double ds = scale * p[static_cast<std::size_t>(j)] * (dp[static_cast<std::size_t>(j)] - dot);
          for (Index k = 0; k < s.d; ++k) {
            r.dqkv[static_cast<std::size_t>(in(i, 0, k))] += ds * at(qkv, in(j, 1, k));
            r.dqkv[static_cast<std::size_t>(in(j, 1, k))] += ds * at(qkv, in(i, 0, k));
          }
        }
      }
    }
  }
  return r;
}

template <class S>
double distance(const std::vector<S>& x, const std::vector<double>& y) {
  double error = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    error += std::pow(at(x, static_cast<Index>(i)) - y[i], 2.0);
    size += y[i] * y[i];
  }
  return std::sqrt(error / size);
}

template <class S>
class AttentionOf : public ::testing::Test {};
TYPED_TEST_SUITE(AttentionOf, Types);

TYPED_TEST(AttentionOf, AnyShapeAgreesWithTheDefinition) {
  // Float: sums of up to 70 terms. Bfloat16: weights, their gradients and the results round at 2^-8; measured 3e-3.
  const double tolerance = std::is_same_v<TypeParam, float> ? 2e-6 : 1.5 * kBfloat16Rounding;
  for (const Case s :
       {Case{2, 1, 1, 1}, Case{1, 7, 3, 5}, Case{1, 32, 2, 16}, Case{2, 33, 1, 24}, Case{1, 70, 2, 32}}) {
    const auto qkv = random<TypeParam>(s.b * s.t * 3 * s.heads * s.d, 3);
    const auto d_o = random<TypeParam>(s.b * s.t * s.heads * s.d, 4);
    const Reference expected = reference(s, qkv, d_o);
    std::vector<TypeParam> o(d_o.size());
    std::vector<TypeParam> dqkv(qkv.size());
    std::vector<float> log_sums(static_cast<std::size_t>(s.b * s.heads * s.t));
    Attention<TypeParam> attention(s.t, s.heads, s.d);
    attention.forward(s.b, qkv.data(), o.data(), log_sums.data());
    attention.backward(s.b, qkv.data(), log_sums.data(), d_o.data(), dqkv.data());
    EXPECT_LT(distance(o, expected.o), tolerance) << s.t << " " << s.d;
    EXPECT_LT(distance(dqkv, expected.dqkv), tolerance) << s.t << " " << s.d;
  }
}

TYPED_TEST(AttentionOf, ThreadsDoNotChangeTheResult) {
  const Case s{2, 40, 3, 8};
  const auto qkv = random<TypeParam>(s.b * s.t * 3 * s.heads * s.d, 3);
  const auto d_o = random<TypeParam>(s.b * s.t * s.heads * s.d, 4);
  const int threads = omp_get_max_threads();
  std::vector<std::vector<TypeParam>> results;
  for (const int count : {1, 5}) {
    omp_set_num_threads(count);
    std::vector<TypeParam> o(d_o.size());
    std::vector<TypeParam> dqkv(qkv.size());
    std::vector<float> log_sums(static_cast<std::size_t>(s.b * s.heads * s.t));
    Attention<TypeParam> attention(s.t, s.heads, s.d);
    attention.forward(s.b, qkv.data(), o.data(), log_sums.data());
    attention.backward(s.b, qkv.data(), log_sums.data(), d_o.data(), dqkv.data());
    results.push_back(dqkv);
  }
  omp_set_num_threads(threads);
  EXPECT_TRUE(results[0] == results[1]);
}

}  // namespace
}  // namespace normdescent::gpt
