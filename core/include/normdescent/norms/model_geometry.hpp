// SPDX-License-Identifier: Apache-2.0
// One geometry over all tensors of a model, the way its optimizers combine them.
#pragma once

#include <span>
#include <vector>

#include "normdescent/base/geometry.hpp"
#include "normdescent/base/parameter.hpp"
#include "normdescent/linalg/polar.hpp"

namespace normdescent {

/// A norm on the concatenation of all tensors ("flat": in order, without gaps), its dual, its dual direction.
///
///   euclidean   ||x||_2
///   sign        max |x_i|
///   spectral    max( max over Role::matrix of ||W||_op / sqrt(max(m, n)),  max |x_i| elsewhere )
///   row_wise    max( max over Role::matrix and rows of ||W_i||_2 / sqrt(n), max |x_i| elsewhere )
///
/// The scales are those that give every tensor of a unit step the root mean square 1 (full rank), as Muon's shape scale
/// does: the dual norm is at most sqrt(d) ||g||_2 in each but the euclidean, with equality for evenly spread g, so
/// densities phi_X = S_X^2 / (d S_2^2) of noise scales S_X compare between geometries (theory 3.3 for sign).
/// Matrices run side by side, one on each thread; results do not depend on how many. Memory: a matrix and its
/// workspace a thread.
/// msign takes `kPolarSteps` of halley.hpp: singular values in [1e-3, 1] of the Schatten 4-norm map within 1e-4 of 1.
class ModelGeometry {
 public:
  static constexpr int kPolarSteps = 3;

  ModelGeometry(Geometry geometry, std::span<const Parameter> parameters);

  [[nodiscard]] Geometry geometry() const { return geometry_; }
  /// The dual norm of each tensor of g by itself, without the tensor's factor: l2, l1, nuclear, sum of rows.
  [[nodiscard]] std::vector<double> tensor_dual_norms(std::span<const float> g);
  /// max <g, d> over the unit ball of steps = combine(tensor_dual_norms(g)). g flat.
  [[nodiscard]] double dual_norm(std::span<const float> g) { return combine(tensor_dual_norms(g)); }
  /// out = the d that attains it (0 for g = 0); returns the dual norm. out may be g itself.
  double dual_unit(std::span<const float> g, std::span<float> out);
  /// The dual norm of everything from those of the tensors: (sum_t s_t^2)^(1/2) for the euclidean, else
  /// sum_t factor_t s_t. Noise scales S_X combine in the same way.
  [[nodiscard]] double combine(std::span<const double> tensor_dual_norms) const;
  /// Whether tensor t is treated by its matrix structure here (nuclear or row-wise scale), else by coordinates.
  [[nodiscard]] bool uses_matrix(std::size_t tensor) const { return uses_matrix_[tensor]; }

 private:
  // What one thread needs for one matrix.
  struct Scratch {
    std::vector<float> matrix;
    PolarWorkspace<float> polar;
  };

  double tensor_dual_unit(std::size_t tensor, std::span<const float> g, std::span<float> out, Scratch& scratch) const;
  double tensor_dual_norm(std::size_t tensor, std::span<const float> g, Scratch& scratch) const;
  template <class F>
  void for_tensors(const F& body);

  Geometry geometry_;
  std::vector<ParameterInfo> infos_;
  std::vector<std::size_t> offsets_;  // of each tensor in a flat vector
  std::vector<bool> uses_matrix_;
  std::vector<double> factors_;
  std::vector<Scratch> scratch_;  // one a thread
};

/// The gradients of all tensors, flat. Empty gradients read as 0.
void copy_gradients(std::span<const Parameter> parameters, std::span<float> flat);

}  // namespace normdescent
