// SPDX-License-Identifier: Apache-2.0
// The output head in parts against the whole in float64.
#include "head.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent::gpt {
namespace {

TEST(GptHead, LossAndGradientsOfSeveralPartsAreThoseOfTheWhole) {
  constexpr Index kRows = 1100;  // two whole parts and a rest
  constexpr Index kWidth = 6;
  constexpr Index kVocabulary = 11;
  Philox random(1);
  std::vector<float> h(kRows * kWidth);
  std::vector<float> weight(kVocabulary * kWidth);
  std::vector<std::int64_t> targets(kRows);
  for (float& x : h) x = static_cast<float>(random.normal());
  for (float& x : weight) x = static_cast<float>(random.normal());
  for (auto& t : targets) t = static_cast<std::int64_t>(random.below(kVocabulary));

  double loss = 0.0;
  std::vector<double> dh(h.size());
  std::vector<double> dweight(weight.size());
  const auto index = [](Index row, Index k) { return static_cast<std::size_t>(row * kWidth + k); };
  for (Index i = 0; i < kRows; ++i) {
    std::vector<double> p(kVocabulary);
    double sum = 0.0;
    for (Index v = 0; v < kVocabulary; ++v) {
      double logit = 0.0;
      for (Index k = 0; k < kWidth; ++k) logit += double{h[index(i, k)]} * double{weight[index(v, k)]};
      sum += p[static_cast<std::size_t>(v)] = std::exp(logit);
    }
    const auto target = targets[static_cast<std::size_t>(i)];
    loss -= std::log(p[static_cast<std::size_t>(target)] / sum) / kRows;
    for (Index v = 0; v < kVocabulary; ++v) {
      const double slope = (p[static_cast<std::size_t>(v)] / sum - (v == target ? 1.0 : 0.0)) / kRows;
      for (Index k = 0; k < kWidth; ++k) {
        dh[index(i, k)] += slope * double{weight[index(v, k)]};
        dweight[index(v, k)] += slope * double{h[index(i, k)]};
      }
    }
  }

  Head<float> head(kWidth, kVocabulary);
  std::vector<float> our_dh(h.size(), 7.0F);  // overwritten, not added to
  std::vector<float> our_dweight(weight.size(), 7.0F);
  const Head<float>::Gradient gradient{our_dh.data(), our_dweight.data()};
  // Sums of 1100 terms below 1e-3 each, rounded at 2^-24.
  EXPECT_NEAR(head.loss(h.data(), weight.data(), targets.data(), kRows, &gradient), loss, 1e-6);
  for (std::size_t i = 0; i < dh.size(); ++i) ASSERT_NEAR(our_dh[i], dh[i], 1e-8) << i;
  for (std::size_t i = 0; i < dweight.size(); ++i) ASSERT_NEAR(our_dweight[i], dweight[i], 1e-6) << i;
  EXPECT_EQ(head.loss(h.data(), weight.data(), targets.data(), kRows, nullptr),
            head.loss(h.data(), weight.data(), targets.data(), kRows, &gradient));
}

}  // namespace
}  // namespace normdescent::gpt
