// SPDX-License-Identifier: Apache-2.0
#include "../../src/linalg/blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace normdescent {
namespace {

template <class T>
class MirrorUpper : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(MirrorUpper, Types);

TYPED_TEST(MirrorUpper, CopiesTheUpperTriangleAndNothingElse) {
  constexpr Index kGap = 3;
  for (const Index n : {0, 1, 3, 4, 5, 31, 32, 33, 67, 100}) {
    const Index stride = n + kGap;
    std::vector<TypeParam> before(static_cast<std::size_t>(n * stride));
    for (std::size_t i = 0; i < before.size(); ++i) before[i] = static_cast<TypeParam>(i);
    auto after = before;
    mirror_upper(Block<TypeParam>(after.data(), n, n, stride));
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < stride; ++j) {
        const Index from = j < n ? std::min(i, j) * stride + std::max(i, j) : i * stride + j;
        ASSERT_EQ(after[std::size_t(i * stride + j)], before[std::size_t(from)]) << n << " at " << i << " " << j;
      }
    }
  }
}

}  // namespace
}  // namespace normdescent
