// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/grouped_covariance.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/products.hpp"
#include "normdescent/statistics/jackknife.hpp"

namespace normdescent::probe_detail {
namespace {

NORMDESCENT_MULTIVERSION
void subtract_entries(const float* a, const float* b, float* d, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) d[i] = a[i] - b[i];
}

// C is `sums` / nu, sums of nu terms.
MatrixNoise from_sums(ConstMatrixView<float> sums, double nu) {
  MatrixNoise s;
  const std::vector<double> values = symmetric_eigenvalues(sums);
  double trace = 0.0;
  double root_trace = 0.0;
  for (const double value : values) {
    const double clipped = value < 0.0 ? 0.0 : value;  // rounding; NaN stays NaN
    trace += clipped;
    root_trace += std::sqrt(clipped);
    s.spectrum.push_back(clipped / nu);
  }
  s.rank_bound = sums.rows;
  s.nuclear = root_trace / std::sqrt(nu);
  s.frobenius = std::sqrt(trace / nu);
  if (trace > 0.0) s.stable_rank = trace / values.back();
  s.density = trace > 0.0 ? root_trace * root_trace / (static_cast<double>(sums.rows) * trace) : trace;
  return s;
}

}  // namespace

void subtract(std::span<const float> a, std::span<const float> b, std::span<float> d) {
  subtract_entries(a.data(), b.data(), d.data(), d.size());
}

void add_outer_product(ConstMatrixView<float> d, float weight, MatrixView<float> c) {
  if (d.rows <= d.cols) {
    gemm(Transpose::no, Transpose::yes, weight, d, d, 1.0F, c);
  } else {
    gemm(Transpose::yes, Transpose::no, weight, d, d, 1.0F, c);
  }
}

MatrixNoise matrix_noise(std::span<const float> sums, Index r, int groups, std::int64_t count) {
  const auto size = static_cast<std::size_t>(r * r);
  // Sums of all groups but one; of all for deleted = groups.
  const auto without = [&](int deleted) {
    std::vector<float> rest(size);
    for (int g = 0; g < groups; ++g) {
      if (g == deleted) continue;
      const auto group = sums.subspan(static_cast<std::size_t>(g) * size, size);
      for (std::size_t i = 0; i < size; ++i) rest[i] += group[i];
    }
    double nu = 0.0;
    for (std::int64_t k = 2; k <= count; ++k) nu += k % groups == deleted ? 0.0 : 1.0;
    return from_sums({rest.data(), r, r}, nu);
  };
  MatrixNoise result = without(groups);
  result.count = count;
  if (groups < 2 || count - 1 < groups) return result;
  std::vector<double> stable_ranks;
  for (int g = 0; g < groups; ++g) {
    MatrixNoise fewer = without(g);
    result.nuclear_without.push_back(fewer.nuclear);
    result.density_without.push_back(fewer.density);
    stable_ranks.push_back(fewer.stable_rank);
    result.spectra_without.push_back(std::move(fewer.spectrum));
  }
  result.nuclear_error = jackknife_error(result.nuclear_without);
  result.density_error = jackknife_error(result.density_without);
  result.stable_rank_error = jackknife_error(stable_ranks);
  return result;
}

}  // namespace normdescent::probe_detail
