// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/model_geometry.hpp"

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
  Index largest = 0;
  for (const Parameter& p : parameters) {
    infos_.push_back(p.info);
    const bool structured = geometry == Geometry::spectral || geometry == Geometry::row_wise;
    uses_matrix_.push_back(structured && p.info.role == Role::matrix);
    double factor = 1.0;
    if (uses_matrix_.back()) {
      const Index length = geometry == Geometry::spectral ? std::max(p.info.rows(), p.info.cols()) : p.info.cols();
      factor = std::sqrt(static_cast<double>(length));
      largest = std::max(largest, p.info.size());
    }
    factors_.push_back(factor);
  }
  scratch_.resize(static_cast<std::size_t>(largest));
}

double ModelGeometry::tensor_dual_unit(std::size_t tensor, std::span<const float> g, std::span<float> out) {
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
    std::copy(g.begin(), g.end(), scratch_.begin());
    polar_newton_schulz<float>(polar_express_coefficients(), kPolarSteps, gradient, direction, workspace_);
    dual = dot(std::span<const float>(scratch_).first(g.size()), out);
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
  double dual = 0.0;
  std::size_t offset = 0;
  for (std::size_t t = 0; t < infos_.size(); ++t) {
    const auto size = static_cast<std::size_t>(infos_[t].size());
    dual += tensor_dual_unit(t, g.subspan(offset, size), out.subspan(offset, size));
    offset += size;
  }
  return dual;
}

std::vector<double> ModelGeometry::tensor_dual_norms(std::span<const float> g) {
  std::vector<double> norms;
  norms.reserve(infos_.size());
  std::size_t offset = 0;
  for (std::size_t t = 0; t < infos_.size(); ++t) {
    const auto part = g.subspan(offset, static_cast<std::size_t>(infos_[t].size()));
    const ConstMatrixView<float> gradient{part.data(), infos_[t].rows(), infos_[t].cols()};
    if (geometry_ == Geometry::euclidean) {
      norms.push_back(norm2(part));
    } else if (!uses_matrix_[t]) {
      norms.push_back(norm1(part));
    } else if (geometry_ == Geometry::row_wise) {
      norms.push_back(RowWise{}.dual(gradient));
    } else {
      const MatrixView<float> polar{scratch_.data(), gradient.rows, gradient.cols};
      polar_newton_schulz<float>(polar_express_coefficients(), kPolarSteps, gradient, polar, workspace_);
      norms.push_back(dot(part, std::span<const float>(scratch_).first(part.size())));
    }
    offset += part.size();
  }
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
