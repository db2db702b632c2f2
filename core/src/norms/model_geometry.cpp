// SPDX-License-Identifier: Apache-2.0
#include "normdescent/norms/model_geometry.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent {
namespace {

NORMDESCENT_MULTIVERSION
void scale_in_place(float* x, float factor, Index n) {
  for (Index i = 0; i < n; ++i) x[i] *= factor;
}

}  // namespace

ModelGeometry::ModelGeometry(Geometry geometry, std::span<const Parameter> parameters) : geometry_(geometry) {
  std::size_t offset = 0;
  for (const Parameter& p : parameters) {
    infos_.push_back(p.info);
    offsets_.push_back(offset);
    offset += static_cast<std::size_t>(p.info.size());
    const bool structured = geometry == Geometry::spectral || geometry == Geometry::row_wise;
    uses_matrix_.push_back(structured && p.info.role == Role::matrix);
    double factor = 1.0;
    if (uses_matrix_.back()) {
      const Index length = geometry == Geometry::spectral ? std::max(p.info.rows(), p.info.cols()) : p.info.cols();
      factor = std::sqrt(static_cast<double>(length));
    }
    factors_.push_back(factor);
  }
}

// Matrices side by side; before them the others one by one, whose loops have threads of their own.
template <class F>
void ModelGeometry::for_tensors(const F& body) {
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  if (scratch_.size() < threads) scratch_.resize(threads);
  const auto count = static_cast<Index>(infos_.size());
  for (std::size_t t = 0; t < infos_.size(); ++t) {
    if (!uses_matrix_[t]) body(t, scratch_.front());
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (Index i = 0; i < count; ++i) {
    const auto t = static_cast<std::size_t>(i);
    if (uses_matrix_[t]) body(t, scratch_[static_cast<std::size_t>(omp_get_thread_num())]);
  }
}

double ModelGeometry::tensor_dual_unit(std::size_t tensor, std::span<const float> g, std::span<float> out,
                                       Scratch& scratch) const {
  const Index rows = infos_[tensor].rows();
  const Index cols = infos_[tensor].cols();
  const ConstMatrixView<float> gradient{g.data(), rows, cols};
  const MatrixView<float> direction{out.data(), rows, cols};
  if (!uses_matrix_[tensor]) {
    const double dual = LInf{}.dual(gradient);
    LInf{}.dual_unit(gradient, direction);
    return dual;
  }
  double dual = 0.0;
  if (geometry_ == Geometry::spectral) {
    // <G, msign(G)> is the nuclear norm to the accuracy of the iteration; out may be g, so G goes through scratch.
    scratch.matrix.assign(g.begin(), g.end());
    polar_halley<float>(kPolarSteps, gradient, direction, scratch.polar);
    dual = dot(std::span<const float>(scratch.matrix), out);
  } else {
    dual = RowWise{}.dual(gradient);
    RowWise{}.dual_unit(gradient, direction);
  }
  scale_in_place(out.data(), static_cast<float>(factors_[tensor]), static_cast<Index>(out.size()));
  return factors_[tensor] * dual;
}

double ModelGeometry::dual_unit(std::span<const float> g, std::span<float> out) {
  if (geometry_ == Geometry::euclidean) {
    const double dual = norm2(g);
    normalize<float>(g, out);
    return dual;
  }
  std::vector<double> duals(infos_.size());
  for_tensors([&](std::size_t t, Scratch& scratch) {
    const auto size = static_cast<std::size_t>(infos_[t].size());
    duals[t] = tensor_dual_unit(t, g.subspan(offsets_[t], size), out.subspan(offsets_[t], size), scratch);
  });
  double dual = 0.0;
  for (const double each : duals) dual += each;
  return dual;
}

double ModelGeometry::tensor_dual_norm(std::size_t tensor, std::span<const float> g, Scratch& scratch) const {
  const ConstMatrixView<float> gradient{g.data(), infos_[tensor].rows(), infos_[tensor].cols()};
  if (geometry_ == Geometry::euclidean) return norm2(g);
  if (!uses_matrix_[tensor]) return norm1(g);
  if (geometry_ == Geometry::row_wise) return RowWise{}.dual(gradient);
  scratch.matrix.resize(g.size());
  const MatrixView<float> polar{scratch.matrix.data(), gradient.rows, gradient.cols};
  polar_halley<float>(kPolarSteps, gradient, polar, scratch.polar);
  return dot(g, std::span<const float>(scratch.matrix));
}

std::vector<double> ModelGeometry::tensor_dual_norms(std::span<const float> g) {
  std::vector<double> norms(infos_.size());
  for_tensors([&](std::size_t t, Scratch& scratch) {
    norms[t] = tensor_dual_norm(t, g.subspan(offsets_[t], static_cast<std::size_t>(infos_[t].size())), scratch);
  });
  return norms;
}

double ModelGeometry::combine(std::span<const double> tensor_dual_norms) const {
  double sum = 0.0;
  for (std::size_t t = 0; t < tensor_dual_norms.size(); ++t) {
    const double s = tensor_dual_norms[t];
    sum += geometry_ == Geometry::euclidean ? s * s : factors_[t] * s;
  }
  return geometry_ == Geometry::euclidean ? std::sqrt(sum) : sum;
}

void copy_gradients(std::span<const Parameter> parameters, std::span<float> flat) {
  auto out = flat.begin();
  for (const Parameter& p : parameters) {
    if (p.gradient.empty()) {
      out = std::fill_n(out, p.value.size(), 0.0F);
    } else {
      out = std::copy(p.gradient.begin(), p.gradient.end(), out);
    }
  }
}

}  // namespace normdescent
