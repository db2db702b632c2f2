// SPDX-License-Identifier: Apache-2.0
#include "geometry_noise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "normdescent/statistics/jackknife.hpp"

namespace normdescent::probe_detail {
namespace {

// Of the matrices' part in the noise scale, from sums over all of them without each group of samples; 0 without groups.
double matrix_error(const AccumulatedNoise& accumulated, const ModelGeometry& geometry, std::vector<double> scales) {
  std::vector<double> combined;
  for (std::size_t g = 0;; ++g) {
    bool has_group = false;
    for (std::size_t t = 0; t < scales.size(); ++t) {
      const MatrixNoise& matrix = accumulated.matrices[t];
      if (!geometry.uses_matrix(t) || g >= matrix.nuclear_without.size()) continue;
      scales[t] = matrix.nuclear_without[g] * accumulated.to_batch;
      has_group = true;
    }
    if (!has_group) break;
    combined.push_back(geometry.combine(scales));
  }
  return combined.empty() ? 0.0 : jackknife_error(combined);
}

}  // namespace

GeometryReport geometry_noise(const AccumulatedNoise& accumulated, const NoiseSummary& total,
                              std::span<TensorAtPoint> points) {
  const auto& [name, parameters, noise, tensors, matrices, to_batch] = accumulated;
  ModelGeometry geometry(name, parameters);
  GeometryReport m;
  m.geometry = name;
  const bool euclidean = name == Geometry::euclidean;
  std::vector<double> gradients = euclidean || name == Geometry::sign ? std::vector<double>(tensors.size())
                                                                      : geometry.tensor_dual_norms(noise.mean());
  std::vector<double> scales(tensors.size());
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const double signal = std::max(0.0, tensors[t].gradient_l2_squared);
    if (euclidean) {
      scales[t] = tensors[t].l2 * to_batch;
      gradients[t] = tensors[t].gradient_l2_squared;
      points[t].noise_l2 = scales[t];
      points[t].gradient_l2_squared = gradients[t];
    } else if (geometry.uses_matrix(t)) {
      // As for the l1 norm, the norm of the mean gradient shrinks by the l2 ratio of signal to signal plus noise.
      const double mean_squared =
          tensors[t].gradient_l2_squared + tensors[t].l2 * tensors[t].l2 / static_cast<double>(noise.count());
      scales[t] = matrices[t].nuclear * to_batch;
      gradients[t] *= mean_squared > 0.0 ? std::sqrt(signal / mean_squared) : 0.0;
      points[t].is_matrix = true;
      points[t].noise_nuclear = scales[t];
      points[t].gradient_nuclear = gradients[t];
    } else {
      scales[t] = tensors[t].l1 * to_batch;
      gradients[t] = tensors[t].gradient_l1;
    }
  }
  m.noise_scale = geometry.combine(scales);
  m.noise_scale_error = matrix_error(accumulated, geometry, scales);
  // Unbiased squares may be negative in single tensors, so the euclidean norm is clipped after the sum.
  m.gradient_norm =
      euclidean ? std::sqrt(std::max(0.0, combine(tensors).gradient_l2_squared)) : geometry.combine(gradients);
  const double d = euclidean ? 1.0 : static_cast<double>(total.dimension);
  m.noise_density = total.l2 > 0.0 ? std::min(1.0, m.noise_scale * m.noise_scale / (d * total.l2 * total.l2)) : 0.0;
  return m;
}

}  // namespace normdescent::probe_detail
