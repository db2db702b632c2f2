// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/decompositions.hpp"

#include <algorithm>
#include <cmath>

#include "eigen_routine.hpp"
#include "fortran.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/linalg/reductions.hpp"

namespace normdescent {
namespace {

template <class T>
std::vector<double> as_doubles(ConstMatrixView<T> g) {
  return {g.data, g.data + g.size()};
}

// A first call with size -1 asks for the best size of the scratch memory.
template <class Routine>
int with_scratch(Routine routine) {
  const int ask = -1;
  double best = 1.0;
  int info = 0;
  routine(&best, &ask, &info);
  if (info != 0) return info;
  std::vector<double> scratch(static_cast<std::size_t>(best));
  const int size = blas_int(static_cast<Index>(scratch.size()));
  routine(scratch.data(), &size, &info);
  return info;
}

// Fills s, and u and vt when they are asked for. LAPACK sees the row-major G (m, n) as A = G^T (n, m), so its U is our
// V and its V^T is our U^T; both then lie in memory exactly as the row-major V^T and U. Returns false when neither
// algorithm converges.
bool decompose(Svd& svd, const std::vector<double>& g, bool vectors) {
  const int m = blas_int(svd.cols);
  const int n = blas_int(svd.rows);
  const int r = std::min(m, n);
  const int ldu = vectors ? m : 1;
  const int ldvt = vectors ? r : 1;
  const char* job = vectors ? "S" : "N";
  double unused = 0.0;
  double* lapack_u = vectors ? svd.vt.data() : &unused;
  double* lapack_vt = vectors ? svd.u.data() : &unused;

  std::vector<int> integers(8 * static_cast<std::size_t>(r));
  std::vector<double> a = g;
  const int divide_and_conquer = with_scratch([&](double* work, const int* size, int* info) {
    dgesdd_(job, &m, &n, a.data(), &m, svd.s.data(), lapack_u, &ldu, lapack_vt, &ldvt, work, size, integers.data(),
            info, 1);
  });
  if (divide_and_conquer == 0) return true;
  a = g;
  return with_scratch([&](double* work, const int* size, int* info) {
           dgesvd_(job, job, &m, &n, a.data(), &m, svd.s.data(), lapack_u, &ldu, lapack_vt, &ldvt, work, size, info, 1,
                   1);
         }) == 0;
}

template <class T>
Svd svd_of(ConstMatrixView<T> g, bool vectors) {
  Svd svd{.rows = g.rows, .cols = g.cols, .u = {}, .s = {}, .vt = {}};
  const auto r = static_cast<std::size_t>(svd.rank_bound());
  svd.s.assign(r, kNaN);
  if (vectors) {
    svd.u.assign(static_cast<std::size_t>(g.rows) * r, kNaN);
    svd.vt.assign(r * static_cast<std::size_t>(g.cols), kNaN);
  }
  if (g.empty() || !std::isfinite(max_abs(g.span()))) return svd;
  if (!decompose(svd, as_doubles(g), vectors)) {
    for (auto* part : {&svd.u, &svd.s, &svd.vt}) std::fill(part->begin(), part->end(), kNaN);
  }
  return svd;
}

template <class T>
std::vector<double> singular_values_of(ConstMatrixView<T> g) {
  if (std::min(g.rows, g.cols) == 1) {
    const double value = norm2(g.span());
    return {std::isfinite(value) ? value : kNaN};
  }
  return svd_of(g, false).s;
}

template <class T>
SymmetricEigen symmetric_eigen_of(ConstMatrixView<T> a) {
  if (a.rows != a.cols) throw std::invalid_argument("symmetric_eigen: A = " + shape_text(a) + ", must be square");
  const auto n = static_cast<std::size_t>(a.rows);
  SymmetricEigen eigen{std::vector<double>(n, kNaN), std::vector<double>(n * n, kNaN)};
  if (a.empty() || !std::isfinite(max_abs(a.span()))) return eigen;
  eigen.vectors = as_doubles(a);
  std::vector<double> work;
  std::vector<int> integers;
  reserve_symmetric_eigen(a.rows, work, integers);
  if (!symmetric_eigen_in_place({eigen.vectors.data(), a.rows, a.cols}, eigen.values, work, integers)) {
    std::fill(eigen.values.begin(), eigen.values.end(), kNaN);
    std::fill(eigen.vectors.begin(), eigen.vectors.end(), kNaN);
  }
  return eigen;
}

}  // namespace

Svd compact_svd(ConstMatrixView<float> g) { return svd_of(g, true); }
Svd compact_svd(ConstMatrixView<double> g) { return svd_of(g, true); }
std::vector<double> singular_values(ConstMatrixView<float> g) { return singular_values_of(g); }
std::vector<double> singular_values(ConstMatrixView<double> g) { return singular_values_of(g); }
SymmetricEigen symmetric_eigen(ConstMatrixView<float> a) { return symmetric_eigen_of(a); }
SymmetricEigen symmetric_eigen(ConstMatrixView<double> a) { return symmetric_eigen_of(a); }

std::vector<double> symmetric_eigenvalues(ConstMatrixView<float> a) {
  if (a.rows != a.cols) throw std::invalid_argument("symmetric_eigenvalues: A = " + shape_text(a) + ", must be square");
  std::vector<double> values(static_cast<std::size_t>(a.rows), kNaN);
  if (a.empty() || !std::isfinite(max_abs(a.span()))) return values;
  std::vector<double> copy = as_doubles(a);
  const int n = blas_int(a.rows);
  std::vector<int> integers(1);  // what dsyevd needs without vectors
  const int one = 1;
  // The lower triangle of the column-major A is the upper one of ours.
  const int failure = with_scratch([&](double* work, const int* size, int* info) {
    dsyevd_("N", "L", &n, copy.data(), &n, values.data(), work, size, integers.data(), &one, info, 1, 1);
  });
  if (failure != 0) std::fill(values.begin(), values.end(), kNaN);
  return values;
}

}  // namespace normdescent
