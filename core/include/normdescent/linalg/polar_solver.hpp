// SPDX-License-Identifier: Apache-2.0
// msign of many matrices at once: each matrix on one thread where there are at least as many as threads, all threads
// inside the products otherwise; never both. polar() of polar.hpp is the twin that does one matrix.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/view.hpp"
#include "normdescent/linalg/coefficients.hpp"

namespace normdescent {

/// How operands of the large products are stored.
enum class ProductPrecision {
  full,      ///< as the matrices are
  bfloat16,  ///< rounded; sums, inverses and all else stay in float. For matrices of float only.
};
[[nodiscard]] const char* to_string(ProductPrecision precision);

struct PolarOptions {
  std::string method = "halley";  ///< one of polar_method_names()
  int steps = 0;                  ///< 0: the method's own, default_polar_steps(method)
  ProductPrecision precision = ProductPrecision::full;
  /// A set of one's own, in place of `method`: it must pass checked_coefficients(set, steps). Its storage must outlive
  /// the solver.
  std::optional<CoefficientSet> coefficients = {};
};

/// Throws std::invalid_argument "method = ..., must be one of ...".
[[nodiscard]] int default_polar_steps(std::string_view method);

/// out = msign(g). `out` may be g itself.
template <class T>
struct PolarTask {
  MatrixView<const T> g;
  MatrixView<T> out;
};

/// bfloat16 needs method other than "svd" and T = float.
///
/// Accuracy of bfloat16: G is rounded once (2^-8 relative per entry). halley and resolvent form X X^T exactly from the
/// rounded X and go on in float; Q is rounded only where that moves the result by less than kRationalApplyRounding in
/// the spectral norm as estimated from ||Q||_F, and is applied in float otherwise. Newton-Schulz rounds X, A and the
/// polynomial in every step. docs/msign.md has the errors measured.
///
/// Threads: results are bit-equal for equal numbers of
/// threads, and for all numbers of threads up to the number of matrices of a call. No allocation in run() after
/// reserve() of every shape (but by "svd").
template <class T>
class PolarSolver {
 public:
  /// Throws std::invalid_argument naming the field for an unknown method, steps < 0, a precision it cannot have,
  /// or coefficients that checked_coefficients refuses.
  explicit PolarSolver(PolarOptions options);
  PolarSolver(PolarSolver&&) noexcept;
  PolarSolver& operator=(PolarSolver&&) noexcept;
  ~PolarSolver();

  /// Plans matrices of one shape for the omp_get_max_threads() of now.
  void reserve(Index rows, Index cols);
  void run(std::span<const PolarTask<T>> tasks);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// See PolarSolver: 2^-8 ||Q||_F / sqrt(r) for X with ||X||_op <= 1.
inline constexpr double kRationalApplyRounding = 0.2;

}  // namespace normdescent
