// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/view.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

namespace normdescent {
namespace {

TEST(MatrixView, IsRowMajorAndWritesThrough) {
  std::vector<int> entries{0, 1, 2, 3, 4, 5};
  const MatrixView<int> view{entries.data(), 2, 3};
  EXPECT_EQ(view(1, 0), 3);
  EXPECT_EQ(view.row(1)[2], 5);
  EXPECT_EQ(view.size(), 6);
  view(0, 2) = 9;
  EXPECT_EQ(entries[2], 9);
  const ConstMatrixView<int> constant = view;
  EXPECT_EQ(constant.span().back(), 5);
}

TEST(MatrixView, CannotDropConst) {
  EXPECT_TRUE((std::is_convertible_v<MatrixView<int>, MatrixView<const int>>));
  EXPECT_FALSE((std::is_convertible_v<MatrixView<const int>, MatrixView<int>>));
}

TEST(MatrixView, SeesAVectorAsAColumn) {
  std::vector<double> x(4);
  const auto column = as_column(std::span(x));
  EXPECT_EQ(column.rows, 4);
  EXPECT_EQ(column.cols, 1);
  EXPECT_TRUE(as_column(std::span<double>()).empty());
}

}  // namespace
}  // namespace normdescent
