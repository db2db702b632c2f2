// SPDX-License-Identifier: Apache-2.0
// One geometry over all tensors of a model, the way its optimizers combine them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/norms/geometry.hpp"

namespace normdescent {

/// A norm on the concatenation of all tensors ("flat": in order, without gaps), its dual, its dual map.
///
///   an inner product (euclidean)   (sum over tensors of ||W||^2)^(1/2)
///   all others                     max( max over the tensors it covers of ||W|| / s(m, n), max |x_i| elsewhere )
///
/// s is the geometry's shape scale: sqrt(max(m, n)) for the spectral one, sqrt(n) for row-wise. The scales give every
/// tensor of a unit step the root mean square 1 (full rank), as Muon's shape scale does: the dual norm is at most
/// sqrt(d) ||g||_2 in each but the inner product's, with equality for evenly spread g, so densities
/// phi_X = S_X^2 / (d S_2^2) of noise scales S_X compare between geometries (theory 3.3 for sign).
/// Covered tensors run side by side, one on each thread; results do not depend on how many. Memory: what the dual map
/// of one tensor needs, a thread.
class ModelGeometry {
 public:
  static constexpr int kPolarSteps = 3;  ///< of the spectral dual map, src/norms/geometries.cpp

  ModelGeometry(Geometry geometry, std::span<const Parameter> parameters);

  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  /// The dual norm of each tensor of g by itself, without the tensor's factor: nuclear, sum of rows, l1 elsewhere.
  [[nodiscard]] std::vector<double> tensor_dual_norms(std::span<const float> g);
  /// max <g, d> over the unit ball of steps = combine(tensor_dual_norms(g)). g flat.
  [[nodiscard]] double dual_norm(std::span<const float> g) { return combine(tensor_dual_norms(g)); }
  /// out = the d that attains it (0 for g = 0); returns the dual norm. out may be g itself.
  double dual_unit(std::span<const float> g, std::span<float> out);
  /// The dual norm of everything from those of the tensors: (sum_t s_t^2)^(1/2) for an inner product, else
  /// sum_t factor_t s_t. Noise scales S_X combine in the same way.
  [[nodiscard]] double combine(std::span<const double> tensor_dual_norms) const;
  /// Whether tensor t has the geometry's own norm, else its largest coordinate.
  [[nodiscard]] bool covers(std::size_t tensor) const { return covers_[tensor]; }
  /// The length of a step with root mean square 1.
  [[nodiscard]] double unit_rms_step() const;
  /// The length in this geometry of what tensor t contributes to the unit direction d; `d` that part of it.
  [[nodiscard]] double length_of_part(std::size_t tensor, std::span<const float> d) const;
  /// max over g of dual_norm(g)^2 / ||g||_2^2, attained by evenly spread g: the number of coordinates, or 1.
  [[nodiscard]] double largest_dual_squared() const;

 private:
  template <class F>
  void for_tensors(const F& body);

  Geometry geometry_;
  std::vector<ParameterInfo> infos_;
  std::vector<std::size_t> offsets_;  // of each tensor in a flat vector
  std::size_t size_ = 0;              // of a flat vector
  std::vector<bool> covers_;
  std::vector<double> factors_;
  std::vector<std::unique_ptr<DualMap>> maps_;  // one a thread
};

/// The gradients of all tensors, flat. Empty gradients read as 0.
void copy_gradients(std::span<const Parameter> parameters, std::span<float> flat);

}  // namespace normdescent
