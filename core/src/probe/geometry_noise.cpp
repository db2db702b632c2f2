// SPDX-License-Identifier: Apache-2.0
#include "geometry_noise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "normdescent/statistics/jackknife.hpp"

namespace normdescent::probe_detail {
namespace {

// The noise scale of one tensor, and the same without each group of samples where there are groups.
struct TensorScale {
  double scale = 0.0;
  std::vector<double> without;
};

TensorScale tensor_scale(const Geometry& geometry, const AccumulatedNoise& accumulated, std::size_t t) {
  const auto& [parameters, noise, tensors, matrices, dual_norms, to_batch] = accumulated;
  const ParameterInfo& info = parameters[t].info;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < t; ++i) offset += static_cast<std::size_t>(parameters[i].info.size());
  const auto deviations = noise.squared_deviations();
  TensorNoise sample{.count = noise.count(), .l1 = tensors[t].l1, .l2 = tensors[t].l2};
  if (!deviations.empty()) sample.squared_deviations = {deviations.data() + offset, info.rows(), info.cols()};
  TensorScale result;
  const auto read = [&] { return geometry.noise_scale(sample) * to_batch; };
  switch (geometry.noise_statistic()) {
    case NoiseStatistic::coordinates: result.scale = read(); break;
    case NoiseStatistic::spectrum:
      for (const auto& spectrum : matrices[t].spectra_without) {
        sample.spectrum = spectrum;
        result.without.push_back(read());
      }
      sample.spectrum = matrices[t].spectrum;
      result.scale = read();
      break;
    case NoiseStatistic::dual_norms: {
      const auto found = std::ranges::find(dual_norms, geometry, &DualNoiseAccumulator::geometry);
      const DualNoise dual = found->summary(t);
      for (const double rms : dual.rms_without) {
        sample.dual_rms = rms;
        result.without.push_back(read());
      }
      sample.dual_rms = dual.rms;
      result.scale = read();
      break;
    }
  }
  return result;
}

// Of the covered tensors' part in the noise scale, from sums over all of them without each group; 0 without groups.
double group_error(const ModelGeometry& geometry, const std::vector<TensorScale>& tensors, std::vector<double> scales) {
  std::vector<double> combined;
  for (std::size_t g = 0;; ++g) {
    bool has_group = false;
    for (std::size_t t = 0; t < scales.size(); ++t) {
      if (g >= tensors[t].without.size()) continue;
      scales[t] = tensors[t].without[g];
      has_group = true;
    }
    if (!has_group) break;
    combined.push_back(geometry.combine(scales));
  }
  return combined.empty() ? 0.0 : jackknife_error(combined);
}

}  // namespace

GeometryReport geometry_noise(const Geometry& geometry, const AccumulatedNoise& accumulated,
                              const NoiseSummary& total) {
  const auto& tensors = accumulated.tensors;
  const double samples = static_cast<double>(accumulated.noise.count());
  ModelGeometry model(geometry, accumulated.parameters);
  GeometryReport m;
  m.geometry = geometry;
  const std::vector<double> norms_of_mean = model.tensor_dual_norms(accumulated.noise.mean());
  std::vector<TensorScale> covered(tensors.size());
  std::vector<double> scales(tensors.size());
  std::vector<double> gradients(tensors.size());
  double signal_squared = 0.0;  // of an inner product: unbiased, so single tensors may be negative
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (model.covers(t)) {
      // As for the l1 norm, the norm of the mean gradient shrinks by the l2 ratio of signal to signal plus noise.
      const double mean_squared = tensors[t].gradient_l2_squared + tensors[t].l2 * tensors[t].l2 / samples;
      const double share = mean_squared > 0.0 ? tensors[t].gradient_l2_squared / mean_squared : 0.0;
      signal_squared += norms_of_mean[t] * norms_of_mean[t] * share;
      covered[t] = tensor_scale(geometry, accumulated, t);
      scales[t] = covered[t].scale;
      gradients[t] = norms_of_mean[t] * std::sqrt(std::max(0.0, share));
    } else {
      scales[t] = tensors[t].l1 * accumulated.to_batch;
      gradients[t] = tensors[t].gradient_l1;
    }
    m.tensors.push_back({model.covers(t), scales[t], gradients[t]});
  }
  m.noise_scale = model.combine(scales);
  m.noise_scale_error = group_error(model, covered, scales);
  m.gradient_norm = geometry.is_inner_product() ? std::sqrt(std::max(0.0, signal_squared)) : model.combine(gradients);
  const double largest = model.largest_dual_squared() * total.l2 * total.l2;
  m.noise_density = total.l2 > 0.0 ? std::min(1.0, m.noise_scale * m.noise_scale / largest) : 0.0;
  return m;
}

}  // namespace normdescent::probe_detail
