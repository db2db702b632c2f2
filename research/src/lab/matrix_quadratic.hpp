// SPDX-License-Identifier: Apache-2.0
// Small matrix quadratics with exact constants in three geometries, and runs of SGD, SignSGD and Muon on them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "normdescent/base/view.hpp"
#include "normdescent/lab/random.hpp"

namespace normdescent::lab {

enum class Shape {
  plain,     ///< Hessian I; start and noise with independent entries
  sparse,    ///< one of kRows rows carries nearly everything
  low_rank,  ///< one direction that is not an axis carries nearly everything
};
[[nodiscard]] const char* to_string(Shape shape);

enum class MatrixMethod { sgd, signsgd, muon };
inline constexpr std::array kMatrixMethods{MatrixMethod::sgd, MatrixMethod::signsgd, MatrixMethod::muon};
[[nodiscard]] const char* to_string(MatrixMethod method);

struct MatrixCase {
  Shape hessian = Shape::plain;
  Shape start = Shape::plain;
  Shape noise_shape = Shape::plain;
  double noise = 0.0;  ///< (E||N||_F^2)^(1/2) over ||G_0||_F
};

/// L, ||G_0|| and S in the geometry of a method.
struct MatrixConstants {
  double smoothness = 0.0;
  double gradient = 0.0;
  double noise = 0.0;
};

struct BestSamples {
  double samples = 0.0;
  double learning_rate = 0.0;
};

/// F(W) = 1/2 <D, A D>, D = W - W*, rows x cols; gradient A D + N, N = C Z with Z standard normal: E N N^T = cols C
/// C^T.
class MatrixQuadratic {
 public:
  static constexpr Index kRows = 6;
  static constexpr Index kCols = 8;

  MatrixQuadratic(const MatrixCase& setting, std::uint64_t seed);

  /// l2: lambda_max(A).  l-infinity: cols max_s s^T A s over all sign vectors.  spectral: tr A (cols >= rows).
  [[nodiscard]] MatrixConstants constants(MatrixMethod method) const;
  /// L/g^2 + 16 L S^2/g^4.
  [[nodiscard]] double predicted_cost(MatrixMethod method) const;
  /// Samples until F <= F_0/10 (median over trajectories), at the best step size of a grid of factors sqrt 2.
  [[nodiscard]] BestSamples best_samples(MatrixMethod method, int trajectories, RandomStream stream) const;

 private:
  static constexpr auto kSize = static_cast<std::size_t>(kRows * kCols);
  using Square = std::array<double, static_cast<std::size_t>(kRows* kRows)>;
  using Dense = std::array<double, kSize>;

  [[nodiscard]] double run(MatrixMethod method, double learning_rate, RandomStream stream, double cap) const;

  Square hessian_{};
  Square noise_{};  // C
  Dense start_{};   // D_0
  Dense gradient_{};
};

}  // namespace normdescent::lab
