// SPDX-License-Identifier: Apache-2.0
// Exact answers, degenerate inputs and the run-time choice; the axioms are checked in tests/testing.
#include "normdescent/norms/norms.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "linalg/matrices.hpp"
#include "normdescent/norms/geometry.hpp"

namespace normdescent {
namespace {

using test::Matrix;

constexpr double kTolerance = 1e-14;

template <class N>
Matrix<double> direction(const N& norm, const Matrix<double>& g) {
  Matrix<double> out(g.rows, g.cols);
  norm.dual_unit(g.view(), out.view());
  return out;
}

// G = [3 0; -4 0; 0 12]: rows 3, 4, 12; singular values 12 and 5.
Matrix<double> example() {
  Matrix<double> g(3, 2);
  g.entries = {3, 0, -4, 0, 0, 12};
  return g;
}

template <class N>
void expect(const N& norm, double value, double dual, const std::vector<double>& dual_unit) {
  const auto g = example();
  EXPECT_NEAR(norm.value(g.view()), value, 13 * kTolerance);
  EXPECT_NEAR(norm.dual(g.view()), dual, 32 * kTolerance);
  EXPECT_LE(test::largest_difference(direction(norm, g).entries, dual_unit), 10 * kTolerance);
}

TEST(Norms, HaveTheirExactValuesAndDirections) {
  const double f = 13.0;
  const double d = std::sqrt(6.0);
  expect(L1{}, 19, 12, {0, 0, 0, 0, 0, 1});
  expect(L2{}, f, f, {3 / f, 0, -4 / f, 0, 0, 12 / f});
  expect(LInf{}, 12, 19, {1, 0, -1, 0, 0, 1});
  expect(Rms{}, f / d, f * d, {3 * d / f, 0, -4 * d / f, 0, 0, 12 * d / f});
  expect(Spectral{}, 12, 17, {0.6, 0, -0.8, 0, 0, 1});
  expect(Nuclear{}, 17, 12, {0, 0, 0, 0, 0, 1});
  expect(RowWise{}, 12, 19, {1, 0, -1, 0, 0, 1});
  expect(ColumnWise{}, 12, 17, {0.6, 0, -0.8, 0, 0, 1});
}

TEST(L1, TakesTheFirstOfEqualEntries) {
  Matrix<double> g(4, 1);
  g.entries = {1, -2, 2, -2};
  EXPECT_EQ(direction(L1{}, g).entries, (std::vector<double>{0, -1, 0, 0}));
}

template <class N>
class EveryNorm : public testing::Test {};
using Norms = testing::Types<L1, L2, LInf, Rms, Spectral, Nuclear, RowWise, ColumnWise>;
TYPED_TEST_SUITE(EveryNorm, Norms);

TYPED_TEST(EveryNorm, DirectionMayBeWrittenOverItsInput) {
  for (const auto& [m, n] : {std::pair<Index, Index>{4, 3}, {5, 1}}) {
    auto g = test::gaussian<double>(m, n, 2);
    const auto expected = direction(TypeParam{}, g);
    TypeParam{}.dual_unit(g.view(), g.view());
    EXPECT_EQ(g.entries, expected.entries);
  }
}

TYPED_TEST(EveryNorm, NanIsSeen) {
  for (const auto& [m, n] : {std::pair<Index, Index>{4, 3}, {5, 1}}) {
    auto g = test::gaussian<double>(m, n, 2);
    g(1, 0) = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(TypeParam{}.value(g.view())));
    EXPECT_TRUE(std::isnan(TypeParam{}.dual(g.view())));
    EXPECT_TRUE(std::isnan(direction(TypeParam{}, g)(1, 0)));
  }
}

TYPED_TEST(EveryNorm, EmptyInputHasNormZeroAndWrongShapesAreRefused) {
  const Matrix<double> empty(0, 3);
  EXPECT_EQ(TypeParam{}.value(empty.view()), 0.0);
  EXPECT_EQ(TypeParam{}.dual(empty.view()), 0.0);
  EXPECT_NO_THROW(direction(TypeParam{}, empty));
  const auto g = test::gaussian<double>(2, 3, 1);
  Matrix<double> wrong(3, 2);
  EXPECT_THROW(TypeParam{}.dual_unit(g.view(), wrong.view()), std::invalid_argument);
}

TEST(Geometry, ChoosesTheNormOfItsName) {
  auto g = example();
  EXPECT_EQ(geometries::euclidean().norm(g.view()), L2{}.value(g.view()));
  EXPECT_EQ(geometries::sign().norm(g.view()), LInf{}.value(g.view()));
  EXPECT_EQ(geometries::spectral().dual_norm(g.view()), Nuclear{}.value(g.view()));
  EXPECT_EQ(geometries::row_wise().dual_norm(g.view()), RowWise{}.dual(g.view()));
  Matrix<double> out(3, 2);
  geometries::spectral().dual_map<double>(g.view(), out.view());
  EXPECT_EQ(out.entries, direction(Spectral{}, g).entries);
}

TEST(Geometry, OnVectorsSpectralAndColumnsAreEuclideanAndRowsAreSign) {
  const auto g = test::gaussian<float>(6, 1, 4);
  EXPECT_EQ(geometries::spectral().dual_norm(g.view()), geometries::euclidean().dual_norm(g.view()));
  EXPECT_NEAR(geometries::column_wise().dual_norm(g.view()), geometries::euclidean().dual_norm(g.view()), 1e-14);
  EXPECT_EQ(geometries::row_wise().dual_norm(g.view()), geometries::sign().dual_norm(g.view()));
  Matrix<float> a(6, 1), b(6, 1);
  geometries::spectral().dual_map<float>(g.view(), a.view());
  geometries::euclidean().dual_map<float>(g.view(), b.view());
  EXPECT_EQ(a.entries, b.entries);
}

TEST(Geometry, ColumnsAreTheRowsOfTheTranspose) {
  const auto g = test::gaussian<double>(5, 3, 7);
  Matrix<double> transposed(3, 5);
  for (Index i = 0; i < 5; ++i) {
    for (Index j = 0; j < 3; ++j) transposed(j, i) = g(i, j);
  }
  EXPECT_NEAR(ColumnWise{}.value(g.view()), RowWise{}.value(transposed.view()), 1e-14);
  EXPECT_NEAR(ColumnWise{}.dual(g.view()), RowWise{}.dual(transposed.view()), 1e-14);
  const auto columns = direction(ColumnWise{}, g);
  const auto rows = direction(RowWise{}, transposed);
  for (Index i = 0; i < 5; ++i) {
    for (Index j = 0; j < 3; ++j) EXPECT_NEAR(columns(i, j), rows(j, i), 1e-15);
  }
}

// The law behind all shape scales, and the proof that the measured one of a norm of one's own is right.
TEST(Geometry, ShapeScalesGiveEvenStepsTheRootMeanSquareOne) {
  for (const Geometry& geometry : builtin_geometries()) {
    if (geometry.is_inner_product()) continue;
    for (const auto& [m, n] : {std::pair<Index, Index>{4, 3}, {3, 8}, {5, 5}}) {
      auto d = test::gaussian<double>(m, n, 3);
      geometry.dual_map<double>(d.view(), d.view());
      const double rms = L2{}.value(d.view()) / std::sqrt(static_cast<double>(m * n));
      EXPECT_NEAR(geometry.shape_scale(m, n) * rms, 1.0, 1e-13) << geometry.name();
    }
  }
  const Geometry measured("rows", RowWise{});
  EXPECT_NEAR(measured.shape_scale(4, 9), geometries::row_wise().shape_scale(4, 9), 1e-13);
}

TEST(Geometry, IsAValueThatItsNameStandsFor) {
  std::vector<std::string> keys;
  for (const Geometry& geometry : builtin_geometries()) {
    EXPECT_EQ(find_geometry(builtin_geometries(), geometry.name()), &geometry);
    keys.push_back(geometry.key());
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"l2", "linf", "spectral", "row-wise", "column-wise"}));
  EXPECT_EQ(find_geometry(builtin_geometries(), "rows"), nullptr);
  EXPECT_EQ(Geometry("sign", LInf{}), geometries::sign());
  const Geometry own("own", LInf{});
  EXPECT_EQ(own.key(), "own");
  EXPECT_EQ(own.direction(), "own");
  EXPECT_EQ(own.dual_name(), "dual of own");
}

}  // namespace
}  // namespace normdescent
