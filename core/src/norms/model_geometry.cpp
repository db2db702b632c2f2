// SPDX-License-Identifier: Apache-2.0
#include "normdescent/norms/model_geometry.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "normdescent/linalg/reductions.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent {

ModelGeometry::ModelGeometry(Geometry geometry, std::span<const Parameter> parameters)
    : geometry_(std::move(geometry)) {
  for (const Parameter& p : parameters) {
    infos_.push_back(p.info);
    offsets_.push_back(size_);
    size_ += static_cast<std::size_t>(p.info.size());
    covers_.push_back(geometry_.covers(p.info));
    factors_.push_back(covers_.back() ? geometry_.shape_scale(p.info.rows(), p.info.cols()) : 1.0);
  }
}

// Covered tensors side by side; before them the others one by one, whose loops have threads of their own, as an inner
// product's have.
template <class F>
void ModelGeometry::for_tensors(const F& body) {
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  while (maps_.size() < threads) maps_.push_back(geometry_.make_dual_map());
  const auto is_alone = [&](std::size_t t) { return !covers_[t] || geometry_.is_inner_product(); };
  for (std::size_t t = 0; t < infos_.size(); ++t) {
    if (is_alone(t)) body(t, *maps_.front());
  }
  const auto count = static_cast<Index>(infos_.size());
#pragma omp parallel for schedule(dynamic, 1)
  for (Index i = 0; i < count; ++i) {
    const auto t = static_cast<std::size_t>(i);
    if (!is_alone(t)) body(t, *maps_[static_cast<std::size_t>(omp_get_thread_num())]);
  }
}

double ModelGeometry::dual_unit(std::span<const float> g, std::span<float> out) {
  // An inner product's tensors have their shares of the direction by their dual norms.
  std::vector<double> duals;
  double dual = 0.0;
  if (geometry_.is_inner_product()) {
    duals = tensor_dual_norms(g);
    dual = combine(duals);
  } else {
    duals.resize(infos_.size());
  }
  for_tensors([&](std::size_t t, DualMap& map) {
    const auto size = static_cast<std::size_t>(infos_[t].size());
    const ConstMatrixView<float> gradient{g.data() + offsets_[t], infos_[t].rows(), infos_[t].cols()};
    const MatrixView<float> direction{out.data() + offsets_[t], gradient.rows, gradient.cols};
    if (size == 0) return;
    if (!covers_[t]) {
      duals[t] = LInf{}.dual(gradient);
      LInf{}.dual_unit(gradient, direction);
    } else if (geometry_.is_inner_product()) {
      map.apply(gradient, dual == 0.0 ? 0.0 : duals[t] / dual, direction);
    } else {
      duals[t] = factors_[t] * map.apply(gradient, factors_[t], direction);
    }
  });
  if (geometry_.is_inner_product()) return dual;
  for (const double each : duals) dual += each;
  return dual;
}

std::vector<double> ModelGeometry::tensor_dual_norms(std::span<const float> g) {
  std::vector<double> norms(infos_.size());
  for_tensors([&](std::size_t t, DualMap& map) {
    const ConstMatrixView<float> gradient{g.data() + offsets_[t], infos_[t].rows(), infos_[t].cols()};
    if (!gradient.empty()) norms[t] = covers_[t] ? map.dual_norm(gradient) : norm1(gradient.span());
  });
  return norms;
}

double ModelGeometry::combine(std::span<const double> tensor_dual_norms) const {
  double sum = 0.0;
  for (std::size_t t = 0; t < tensor_dual_norms.size(); ++t) {
    const double s = tensor_dual_norms[t];
    sum += geometry_.is_inner_product() ? s * s : factors_[t] * s;
  }
  return geometry_.is_inner_product() ? std::sqrt(sum) : sum;
}

double ModelGeometry::unit_rms_step() const {
  return geometry_.is_inner_product() ? std::sqrt(static_cast<double>(size_)) : 1.0;
}

double ModelGeometry::length_of_part(std::size_t tensor, std::span<const float> d) const {
  if (!geometry_.is_inner_product()) return 1.0;
  return geometry_.norm(ConstMatrixView<float>{d.data(), infos_[tensor].rows(), infos_[tensor].cols()});
}

double ModelGeometry::largest_dual_squared() const {
  return geometry_.is_inner_product() ? 1.0 : static_cast<double>(size_);
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
