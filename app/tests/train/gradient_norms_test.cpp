// SPDX-License-Identifier: Apache-2.0
#include "../../src/train/gradient_norms.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent::train_detail {
namespace {

// Smaller than a block, empty, a block and some, several blocks.
struct Gradients {
  std::vector<std::vector<float>> entries;
  std::vector<Parameter> parameters;

  Gradients() {
    Philox random(5);
    for (const std::size_t size : {7, 0, 16400, 50000}) {
      auto& g = entries.emplace_back(size);
      for (float& x : g) x = static_cast<float>(random.normal());
    }
    for (auto& g : entries) parameters.push_back({.info = {}, .value = g, .gradient = g});
  }
};

TEST(GradientNorms, AreThoseOfOneVector) {
  Gradients g;
  long double sum = 0, squares = 0;
  float largest = 0;
  for (const auto& entries : g.entries) {
    for (const float x : entries) {
      sum += std::abs(x);
      squares += static_cast<long double>(x) * x;
      largest = std::max(largest, std::abs(x));
    }
  }
  const GradientNorms norms = gradient_norms(g.parameters);
  EXPECT_NEAR(norms.l1, static_cast<double>(sum), 1e-12 * static_cast<double>(sum));
  EXPECT_NEAR(norms.l2, static_cast<double>(std::sqrt(squares)), 1e-12 * static_cast<double>(std::sqrt(squares)));
  EXPECT_EQ(norms.linf, static_cast<double>(largest));
}

TEST(GradientNorms, DoNotDependOnThreads) {
  Gradients g;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const GradientNorms alone = gradient_norms(g.parameters);
  omp_set_num_threads(3);
  const GradientNorms shared = gradient_norms(g.parameters);
  omp_set_num_threads(threads);
  EXPECT_EQ(shared.l1, alone.l1);
  EXPECT_EQ(shared.l2, alone.l2);
  EXPECT_EQ(shared.linf, alone.linf);
}

TEST(GradientNorms, OneNanIsInAllOfThem) {
  Gradients g;
  g.entries.back().back() = std::numeric_limits<float>::quiet_NaN();
  const GradientNorms norms = gradient_norms(g.parameters);
  EXPECT_TRUE(std::isnan(norms.l1));
  EXPECT_TRUE(std::isnan(norms.l2));
  EXPECT_TRUE(std::isnan(norms.linf));
}

}  // namespace
}  // namespace normdescent::train_detail
