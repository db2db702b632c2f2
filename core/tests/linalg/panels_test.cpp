// SPDX-License-Identifier: Apache-2.0
// Against the plain twins of blocks.hpp, in float64 where rounding is to be told from mistakes.
#include "../../src/linalg/panels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "../../src/linalg/rational_factor.hpp"
#include "linalg/matrices.hpp"
#include "normdescent/base/threads.hpp"

namespace normdescent {
namespace {

using test::gaussian;
using test::largest_difference;
using test::Matrix;

// One, just below, at and beyond a row tile, a panel and a block; nothing's multiple; many panels.
const std::vector<Index> kSizes{1, 3, 8, 13, 47, 48, 49, 60, 96, 101, 200, 333};

template <class To, class From>
Matrix<To> converted(const Matrix<From>& x) {
  Matrix<To> y(x.rows, x.cols);
  for (std::size_t i = 0; i < x.entries.size(); ++i) y.entries[i] = static_cast<To>(x.entries[i]);
  return y;
}

// Symmetric, eigenvalues in about [1, 1 + 4 c].
Matrix<float> positive_definite(Index r, double c) {
  const auto x = gaussian<double>(r, r, 7);
  Matrix<double> z(r, r);
  gram<double>(Transpose::no, x.view(), z.view());
  for (double& entry : z.entries) entry *= c / static_cast<double>(r);
  for (Index i = 0; i < r; ++i) z(i, i) += 1.0;
  return converted<float>(z);
}

// NaN in all scratch memory: what is read without having been written shows.
std::vector<float> scratch(Index r) {
  return std::vector<float>(static_cast<std::size_t>(panels::scratch_size(r)), std::numeric_limits<float>::quiet_NaN());
}

Matrix<float> inverse(Matrix<float> z) {
  Matrix<float> out(z.rows, z.rows);
  auto work = scratch(z.rows);
  panels::invert_positive_definite(Block<float>(z.view()), Block<float>(out.view()), work.data());
  return out;
}

Matrix<float> product(const Matrix<float>& a, const Matrix<float>& b) {
  Matrix<float> c(a.rows, a.rows);
  auto work = scratch(a.rows);
  panels::symmetric_multiply(a.view(), b.view(), Block<float>(c.view()), work.data());
  return c;
}

void expect_symmetric(const Matrix<float>& x) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < i; ++j) ASSERT_EQ(x(i, j), x(j, i)) << i << " " << j;
  }
}

class Panels : public testing::Test {
 protected:
  void SetUp() override {
    if (!panels::are_supported()) GTEST_SKIP() << "needs AVX-512";
  }
};

TEST_F(Panels, ProductIsThePlainOne) {
  for (const Index r : kSizes) {
    const auto a = positive_definite(r, 1.0);
    const auto b = inverse(a);  // commutes with A, so that the product is symmetric
    Matrix<double> twin(r, r);
    multiply<double>(converted<double>(a).view(), converted<double>(b).view(), twin.view());
    const auto c = product(a, b);
    EXPECT_LE(largest_difference(c.entries, twin.entries), 4e-6) << r;  // and the asymmetry that B's rounding leaves
    expect_symmetric(c);
  }
}

TEST_F(Panels, InverseIsThePlainOne) {
  for (const Index r : kSizes) {
    for (const double c : {1.0, 100.0}) {
      const auto z = positive_definite(r, c);
      auto overwritten = converted<double>(z);
      Matrix<double> twin(r, r);
      invert_positive_definite<double>(Block<double>(overwritten.view()), Block<double>(twin.view()));
      const auto out = inverse(z);
      // eps cond(Z), and the inverse is at most 1
      EXPECT_LE(largest_difference(out.entries, twin.entries), 4e-7 * (1.0 + 4.0 * c)) << r << " " << c;
      expect_symmetric(out);
    }
  }
}

TEST_F(Panels, AMatrixThatIsNotPositiveDefiniteGivesNaN) {
  for (const Index bad : {Index{0}, Index{70}}) {
    auto z = positive_definite(100, 1.0);
    z(bad, bad) = -1.0F;
    EXPECT_TRUE(std::isnan(inverse(z)(bad, bad))) << bad;
  }
}

TEST_F(Panels, HalleyFactorIsThePlainOne) {
  for (const Index r : {Index{60}, Index{101}}) {
    const auto x = gaussian<float>(r, 2 * r, 3);
    std::vector<Matrix<float>> work(4, Matrix<float>(r, r));
    auto panel_scratch = scratch(r);
    const auto factor = [&](float* with_panels) {
      gram<float>(Transpose::no, x.view(), work[0].view());
      return halley_factor<float>(2, {work[0].view(), work[1].view(), work[2].view(), work[3].view(), with_panels});
    };
    Matrix<double> twin(r, r);
    const auto plain = factor(nullptr).span();
    std::copy(plain.begin(), plain.end(), twin.entries.begin());
    Matrix<float> fast(r, r);
    const auto packed = factor(panel_scratch.data()).span();
    std::copy(packed.begin(), packed.end(), fast.entries.begin());
    EXPECT_LE(largest_difference(fast.entries, twin.entries), 1e-6) << r;
  }
}

TEST_F(Panels, NumberOfThreadsChangesNoBit) {
  const auto z = positive_definite(333, 10.0);
  const auto results = [&z](int threads) {
    const WithThreads with(threads);
    return std::pair(inverse(z).entries, product(z, z).entries);
  };
  EXPECT_EQ(results(3), results(1));
}

}  // namespace
}  // namespace normdescent
