// SPDX-License-Identifier: Apache-2.0
// Legend   G gradient (m, n)   X iterate (m, n)   A Gram matrix of the shorter side (r, r)   a, b, c one QuinticStep
#include "normdescent/linalg/polar.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <type_traits>

#include "fortran.hpp"
#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/halley.hpp"
#include "normdescent/linalg/products.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/linalg/resolvent.hpp"
#include "panels.hpp"
#include "rational_factor.hpp"

namespace normdescent {
namespace {

template <class T>
void require_equal_shapes(ConstMatrixView<T> g, MatrixView<T> out) {
  if (g.rows != out.rows || g.cols != out.cols) {
    throw std::invalid_argument("polar: G = " + shape_text(g) + ", out = " + shape_text(out) + ", must be equal");
  }
}

template <class T>
bool is_vector(MatrixView<T> g) {
  return g.rows == 1 || g.cols == 1;
}

// Of X with ||X||_F = 1, 0 or NaN, by the trace of its Gram matrix.
template <class T>
bool is_zero_or_not_finite(MatrixView<T> gram_matrix) {
  T trace{0};
  for (Index i = 0; i < gram_matrix.rows; ++i) trace += gram_matrix(i, i);
  return !(trace > T{0});
}

template <class T>
void grow(std::vector<T>& storage, Index size) {
  if (static_cast<Index>(storage.size()) < size) storage.resize(static_cast<std::size_t>(size));
}

// P <- a I + b A + c A^2
template <class T>
void step_polynomial(const QuinticStep& step, ConstMatrixView<T> gram_matrix, MatrixView<T> polynomial) {
  const auto a = static_cast<T>(step.a);
  const auto b = static_cast<T>(step.b);
  const auto c = static_cast<T>(step.c);
  if (c != T{0}) {
    gram<T>(Transpose::no, gram_matrix, polynomial);
  } else {
    std::fill(polynomial.span().begin(), polynomial.span().end(), T{0});
  }
  const auto A = gram_matrix.span();
  const auto P = polynomial.span();
  for (std::size_t i = 0; i < P.size(); ++i) P[i] = b * A[i] + c * P[i];
  for (Index i = 0; i < polynomial.rows; ++i) polynomial(i, i) += a;
}

}  // namespace

template <class T>
void polar_svd(std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out, double rank_tolerance) {
  require_equal_shapes(g, out);
  if (g.empty()) return;
  if (is_vector(g)) {
    normalize(g.span(), out.span());
    return;
  }
  Svd svd = compact_svd(g);
  const double relative = rank_tolerance < 0.0 ? default_rank_tolerance<T>(g.rows, g.cols) : rank_tolerance;
  const double smallest = relative * svd.s.front();
  // Written so that NaN counts as kept and reaches out.
  const auto rank = std::count_if(svd.s.begin(), svd.s.end(), [&](double s) { return s != 0.0 && !(s <= smallest); });
  const Index r = svd.rank_bound();
  for (Index i = 0; i < g.rows; ++i) {
    for (Index k = rank; k < r; ++k) svd.u[static_cast<std::size_t>(i * r + k)] = 0.0;
  }
  std::vector<double> product(static_cast<std::size_t>(g.size()));
  multiply(ConstMatrixView<double>{svd.u.data(), g.rows, r}, ConstMatrixView<double>{svd.vt.data(), r, g.cols},
           MatrixView<double>{product.data(), g.rows, g.cols});
  std::transform(product.begin(), product.end(), out.data, [](double x) { return static_cast<T>(x); });
}

template <class T>
void PolarWorkspace<T>::reserve(Index rows, Index cols) {
  const Index r = std::min(rows, cols);
  grow(iterate_, rows * cols);
  grow(squares_, kSquares * r * r);
  if constexpr (std::is_same_v<T, float>) {
    if (panels::are_supported()) grow(panels_, panels::scratch_size(r));
  }
}

template <class T>
void polar_newton_schulz(const CoefficientSet& set, int steps, std::type_identity_t<ConstMatrixView<T>> g,
                         MatrixView<T> out, PolarWorkspace<T>& workspace) {
  require_equal_shapes(g, out);
  if (steps < 1) throw std::invalid_argument("steps = " + std::to_string(steps) + ", must be at least 1");
  if (g.empty()) return;
  if (is_vector(g)) {
    normalize(g.span(), out.span(), map_singular_value(set, steps, 1.0));
    return;
  }
  workspace.reserve(g.rows, g.cols);
  const bool wide = g.rows <= g.cols;
  const Index r = std::min(g.rows, g.cols);
  const MatrixView<T> A = workspace.square(0, r);
  const MatrixView<T> P = workspace.square(1, r);
  // X moves between the two buffers and ends in out.
  MatrixView<T> X = out;
  MatrixView<T> next = workspace.iterate(g.rows, g.cols);
  if (steps % 2 != 0) std::swap(X, next);
  normalize(g.span(), X.span(), 1.0 / set.safety);
  for (int k = 0; k < steps; ++k) {
    gram<T>(wide ? Transpose::no : Transpose::yes, X, A);
    step_polynomial<T>(set.step(k), A, P);
    wide ? multiply(P, X, next) : multiply(X, P, next);
    std::swap(X, next);
  }
}

namespace {

// Q X for the Q that `factor` makes of the Gram matrix; `image_of_one` scales vectors.
template <class T, class Factor>
void polar_rational(const Factor& factor, double image_of_one, ConstMatrixView<T> g, MatrixView<T> out,
                    PolarWorkspace<T>& workspace) {
  require_equal_shapes(g, out);
  if (g.empty()) return;
  if (is_vector(g)) {
    normalize(g.span(), out.span(), image_of_one);
    return;
  }
  workspace.reserve(g.rows, g.cols);
  const bool wide = g.rows <= g.cols;
  const Index r = std::min(g.rows, g.cols);
  const RationalBuffers<T> buffers{workspace.square(0, r), workspace.square(1, r), workspace.square(2, r),
                                   workspace.square(3, r), workspace.panels()};
  const MatrixView<T> X = workspace.iterate(g.rows, g.cols);
  normalize(g.span(), X.span());
  gram<T>(wide ? Transpose::no : Transpose::yes, X, buffers.gram);
  if (is_zero_or_not_finite(buffers.gram)) {
    std::copy(X.span().begin(), X.span().end(), out.data);
    return;
  }
  const MatrixView<T> Q = factor(buffers);
  wide ? multiply(Q, X, out) : multiply(X, Q, out);
}

}  // namespace

template <class T>
void polar_halley(int steps, std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out,
                  PolarWorkspace<T>& workspace) {
  if (steps < 1) throw std::invalid_argument("steps = " + std::to_string(steps) + ", must be at least 1");
  const auto factor = [steps](const RationalBuffers<T>& buffers) { return halley_factor<T>(steps, buffers); };
  polar_rational<T>(factor, map_halley(steps, 1.0), g, out, workspace);
}

template <class T>
void polar_resolvent(std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out, PolarWorkspace<T>& workspace) {
  polar_rational<T>(resolvent_factor<T>, map_resolvent(1.0), g, out, workspace);
}

std::vector<std::string> polar_method_names() {
  std::vector<std::string> names = coefficient_names();
  names.emplace_back("halley");
  names.emplace_back("resolvent");
  names.emplace_back("svd");
  return names;
}

template <class T>
void polar(std::string_view method, int steps, std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out,
           PolarWorkspace<T>& workspace) {
  if (method == "svd") return polar_svd<T>(g, out);
  if (method == "halley") return polar_halley<T>(steps, g, out, workspace);
  if (method == "resolvent") return polar_resolvent<T>(g, out, workspace);
  if (const CoefficientSet* set = find_coefficients(method)) {
    return polar_newton_schulz<T>(*set, steps, g, out, workspace);
  }
  std::string message = "method = " + std::string(method) + ", must be one of";
  for (const auto& name : polar_method_names()) message += " " + name;
  throw std::invalid_argument(message);
}

#define NORMDESCENT_INSTANTIATE(T)                                                                    \
  template class PolarWorkspace<T>;                                                                   \
  template void polar_svd<T>(ConstMatrixView<T>, MatrixView<T>, double);                              \
  template void polar_newton_schulz<T>(const CoefficientSet&, int, ConstMatrixView<T>, MatrixView<T>, \
                                       PolarWorkspace<T>&);                                           \
  template void polar_halley<T>(int, ConstMatrixView<T>, MatrixView<T>, PolarWorkspace<T>&);          \
  template void polar_resolvent<T>(ConstMatrixView<T>, MatrixView<T>, PolarWorkspace<T>&);            \
  template void polar<T>(std::string_view, int, ConstMatrixView<T>, MatrixView<T>, PolarWorkspace<T>&)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(double);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent
