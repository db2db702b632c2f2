// SPDX-License-Identifier: Apache-2.0
// Every geometry is measured by the same code: rows, columns, and those that only the caller knows.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "normdescent/norms/norms.hpp"
#include "normdescent/probe/probe.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::gaussian_noise;
using testing::gaussian_start;
using testing::Synthetic;

constexpr Index kRows = 12;
constexpr Index kCols = 30;

// Row i has noise i + 1 in every entry: S of rows is sum_i (i + 1) sqrt(n), of columns n sqrt(sum_i (i + 1)^2).
std::vector<double> scales_by_row() {
  std::vector<double> sigma;
  for (Index i = 0; i < kRows; ++i) sigma.insert(sigma.end(), kCols, static_cast<double>(i + 1));
  return sigma;
}

Synthetic noisy_matrix() {
  const auto size = static_cast<std::size_t>(kRows * kCols);
  return {{{"W", {kRows, kCols}, Role::matrix}},
          gaussian_start(size, 3),
          testing::diagonal_quadratic(std::vector<double>(size, 2.0)),
          gaussian_noise(scales_by_row())};
}

ProbeOptions quick() { return {.micro_batches = 48, .pilot_micro_batches = 8, .pilot_steps = 0}; }

TEST(OwnGeometry, RowsAndColumnsHaveTheirNoiseScales) {
  Synthetic objective = noisy_matrix();
  const ProbeReport report = probe(objective, 16, quick());
  double sum = 0.0;
  double squares = 0.0;
  for (Index i = 1; i <= kRows; ++i) {
    sum += static_cast<double>(i);
    squares += static_cast<double>(i * i);
  }
  const double n = kCols;
  // Of mini-batches of 16, with the shape scales sqrt(n) and sqrt(m). 47 x 30 degrees of freedom a row: 2% each,
  // averaged over 12; four of those.
  const double rows = std::sqrt(n) * sum * std::sqrt(n) / 4.0;
  const double columns = std::sqrt(static_cast<double>(kRows)) * n * std::sqrt(squares) / 4.0;
  const GeometryReport* by_row = report.start.find("row-wise");
  const GeometryReport* by_column = report.start.find("column-wise");
  ASSERT_NE(by_row, nullptr);
  ASSERT_NE(by_column, nullptr);
  EXPECT_NEAR(by_row->noise_scale / rows, 1.0, 0.025);
  EXPECT_NEAR(by_column->noise_scale / columns, 1.0, 0.025);
  // Columns are alike, so that noise is as even as it can be; rows are not: (sum i)^2 / (m sum i^2).
  EXPECT_GT(by_column->noise_density, 0.97);
  EXPECT_NEAR(by_row->noise_density, sum * sum / (static_cast<double>(kRows) * squares), 0.02);
  for (const GeometryReport* m : {by_row, by_column}) {
    EXPECT_GT(m->noise_scale_error, 0.0);
    EXPECT_LT(m->noise_scale_error, 0.1 * m->noise_scale);
    EXPECT_GT(m->one_step_gain.gain.value, 0.0);
    // f = ||x||^2: ||2 a D||_dual / a = 2 s ||D||_dual, d when every entry has size 1 in root mean square.
    EXPECT_NEAR(m->smoothness.constant.value / (2.0 * kRows * kCols), 1.0, 0.02);
  }
}

TEST(OwnGeometry, ANormWithoutStatisticsOfItsOwnIsMeasuredByItsDualNorm) {
  ProbeOptions options = quick();
  options.matrix_samples = 48;
  options.geometries.emplace_back("rows", RowWise{});  // the same norm as a stranger would hand it over
  Synthetic objective = noisy_matrix();
  const ProbeReport report = probe(objective, 16, options);
  const GeometryReport* known = report.start.find("row-wise");
  const GeometryReport* own = report.start.find("rows");
  ASSERT_NE(own, nullptr);
  EXPECT_NEAR(own->noise_scale / known->noise_scale, 1.0, 0.02);
  EXPECT_NEAR(own->noise_scale, known->noise_scale, 5.0 * own->noise_scale_error + 0.02 * known->noise_scale);
  EXPECT_GT(own->noise_scale_error, 0.0);
  EXPECT_NEAR(own->gradient_norm / known->gradient_norm, 1.0, 1e-4);
  EXPECT_NEAR(own->smoothness.constant.value / known->smoothness.constant.value, 1.0, 0.02);
  const auto json = nlohmann::json::parse(report.to_json());
  EXPECT_EQ(json["geometries"].back()["geometry"], "rows");
  EXPECT_TRUE(json["smoothness"]["rows"].is_number());
  EXPECT_TRUE(json["per_parameter"][0]["geometries"]["rows"]["noise_scale"].is_number());
}

TEST(OwnGeometry, ChangesNothingOfWhatIsMeasuredInTheOthers) {
  ProbeOptions options = quick();
  options.pilot_steps = 3;
  options.geometries = {geometries::euclidean(), geometries::sign()};
  Synthetic alone = noisy_matrix();
  const ProbeReport few = probe(alone, 16, options);
  options.geometries = builtin_geometries();
  options.geometries.insert(options.geometries.begin(), Geometry("rows", RowWise{}));
  Synthetic together = noisy_matrix();
  const ProbeReport many = probe(together, 16, options);
  for (const char* name : {"euclidean", "sign"}) {
    const GeometryReport* a = few.start.find(name);
    const GeometryReport* b = many.start.find(name);
    EXPECT_EQ(a->noise_scale, b->noise_scale) << name;
    EXPECT_EQ(a->gradient_norm, b->gradient_norm) << name;
    EXPECT_EQ(a->one_step_gain.gain.value, b->one_step_gain.gain.value) << name;
    EXPECT_EQ(a->smoothness.constant.value, b->smoothness.constant.value) << name;
  }
  EXPECT_EQ(few.pilots.front().run.losses, many.pilots.front().run.losses);
  EXPECT_EQ(few.start.find("spectral"), nullptr);
  EXPECT_FALSE(few.per_parameter[0].matrix_noise_growth.reason.empty());
}

TEST(OwnGeometry, HasPilotsToo) {
  ProbeOptions options = quick();
  options.pilot_steps = 6;
  const Geometry rows("rows", RowWise{});
  options.geometries = {rows};
  options.pilots = {{"rows-descent", rows, true}};
  Synthetic objective = noisy_matrix();
  const ProbeReport report = probe(objective, 64, options);
  ASSERT_EQ(report.pilots.size(), 1U);
  EXPECT_LT(report.pilots[0].end.loss, report.start.loss);
  EXPECT_NE(report.pilots[0].end.find("rows"), nullptr);
}

TEST(OwnGeometry, ListsMustSayEachNameOnceAndAtLeastOne) {
  EXPECT_EQ(validate(ProbeOptions{}).size(), 0U);
  EXPECT_EQ(validate({.geometries = {}}).size(), 1U);
  ProbeOptions twice;
  twice.geometries.emplace_back("sign", LInf{});
  ASSERT_EQ(validate(twice).size(), 1U);
  EXPECT_NE(validate(twice)[0].find("sign"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
