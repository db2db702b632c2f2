// SPDX-License-Identifier: Apache-2.0
#include "derived_measurements.hpp"

#include <cmath>
#include <limits>

#include "normdescent/probe/critical_batch.hpp"

namespace normdescent::probe_detail {
namespace {

// Relative errors of the sampled coordinates carry over to the sums over all of them. 0: none of this geometry.
Estimate with_error(double value, const Estimate& sampled) {
  const bool known = std::isfinite(sampled.standard_error) && sampled.value > 0.0;
  return {value, known ? std::abs(value) * sampled.standard_error / sampled.value : 0.0};
}

// Of the part of the spectral noise scale that is no matrix, as if all these tensors erred together.
double error_of_vectors(const ProbeReport& report) {
  double error = 0.0;
  for (std::size_t t = 0; t < report.per_parameter.size() && t < report.sampled.tensors.size(); ++t) {
    if (!report.start.tensors[t].is_matrix)
      error += with_error(report.per_parameter[t].noise.l1, report.sampled.tensors[t].l1).standard_error;
  }
  return error;
}

// At the start. The matrices' error is there, from groups of their samples.
void set_noise_scale_error(GeometryReport& m, const ProbeReport& report) {
  const SampledNoise& sampled = report.sampled.total;
  if (m.geometry == Geometry::euclidean) m.noise_scale_error = with_error(m.noise_scale, sampled.l2).standard_error;
  if (m.geometry == Geometry::sign) m.noise_scale_error = with_error(m.noise_scale, sampled.l1).standard_error;
  if (m.geometry == Geometry::spectral) m.noise_scale_error = std::hypot(m.noise_scale_error, error_of_vectors(report));
}

void set_critical_batch(GeometryReport& m, const SampledNoise& sampled, double batch_size) {
  Estimate noise{m.noise_scale, 0.0};
  Estimate gradient{m.gradient_norm, 0.0};
  if (m.geometry == Geometry::euclidean) {
    noise = with_error(m.noise_scale, sampled.l2);
    gradient = with_error(m.gradient_norm, sampled.gradient_l2_squared);
    gradient.standard_error *= 0.5;  // of the root
  } else if (m.geometry == Geometry::sign) {
    noise = with_error(m.noise_scale, sampled.l1);
    gradient = with_error(m.gradient_norm, sampled.gradient_l1);
  }
  m.critical_batch = critical_batch(noise, gradient, batch_size);
}

void add_growth(ProbeReport& report) {
  for (const GeometryReport& start : report.start.geometries) {
    std::vector<AffinePoint> noise;
    std::vector<AffinePoint> smoothness;
    const auto add = [&](const PointReport& point) {
      const GeometryReport* m = point.find(start.geometry);
      if (m == nullptr) return;
      noise.push_back({m->gradient_norm * m->gradient_norm, m->noise_scale * m->noise_scale});
      if (m->smoothness.constant.value > 0.0) smoothness.push_back({m->gradient_norm, m->smoothness.constant.value});
    };
    add(report.start);
    for (const PilotReport& pilot : report.pilots) add(pilot.end);
    report.growth.push_back({start.geometry, fit_affine(noise), fit_affine(smoothness)});
  }
}

// Of every tensor, over the points at which it was seen.
void add_growth_of_tensors(ProbeReport& report) {
  for (std::size_t t = 0; t < report.per_parameter.size(); ++t) {
    ParameterNoise& parameter = report.per_parameter[t];
    std::vector<AffinePoint> noise;
    std::vector<AffinePoint> matrix;
    const auto add = [&](const PointReport& point) {
      if (t >= point.tensors.size()) return;
      const TensorAtPoint& at = point.tensors[t];
      noise.push_back({at.gradient_l2_squared, at.noise_l2 * at.noise_l2});
      if (at.is_matrix) {
        matrix.push_back({at.gradient_nuclear * at.gradient_nuclear, at.noise_nuclear * at.noise_nuclear});
      }
    };
    add(report.start);
    for (const PilotReport& pilot : report.pilots) add(pilot.end);
    parameter.noise_growth = fit_affine(noise);
    if (!report.start.tensors[t].is_matrix) {
      parameter.matrix_noise_growth.reason = "the tensor is no matrix";
      continue;
    }
    parameter.matrix_noise_growth = fit_affine(matrix);
    const TensorAtPoint& at = report.start.tensors[t];
    if (at.gradient_l2_squared > 0.0) {
      parameter.nuclear_over_frobenius = at.gradient_nuclear / std::sqrt(at.gradient_l2_squared);
    }
  }
}

}  // namespace

void derive_measurements(ProbeReport& report) {
  const auto missing = [&](std::string quantity, const std::string& because) {
    if (!because.empty()) report.not_measured.push_back({std::move(quantity), because});
  };
  const auto batch = static_cast<double>(report.batch_size);
  for (GeometryReport& m : report.start.geometries) {
    set_noise_scale_error(m, report);
    set_critical_batch(m, report.sampled.total, batch);
  }
  for (PilotReport& pilot : report.pilots) {
    for (GeometryReport& m : pilot.end.geometries) set_critical_batch(m, {}, batch);
  }
  add_growth(report);
  add_growth_of_tensors(report);

  missing("noise", report.sampled.total.reason);
  for (std::size_t t = 0; t < report.sampled.tensors.size(); ++t) {
    missing("noise of " + report.per_parameter[t].parameter.name, report.sampled.tensors[t].reason);
  }
  missing("batch invariance", report.sampled.invariance.reason);
  if (report.tail.series == 0) missing("tail index", report.tail.explanation());
  if (report.tails.hill.exceedances == 0) {
    missing("tail index (Hill)", "it needs 16 micro-batches and 240 deviations that differ");
  }
  if (report.tails.growth.samples == 0) missing("tail index (moments)", "it needs 20 micro-batches that differ");
  for (const GeometryReport& m : report.start.geometries) {
    const std::string name = to_string(m.geometry);
    if (!(m.gradient_norm > 0.0)) missing("critical batch, " + name, "the noise hides the gradient, or it is zero");
    if (!(m.smoothness.constant.value > 0.0)) {
      missing("smoothness, " + name, "the gradient is zero or not finite, or does not change along its direction");
    }
    if (!(m.one_step_gain.step_size > 0.0)) missing("one-step gain, " + name, "no step size decreased the loss");
  }
  for (const TensorAtPoint& at : report.start.tensors) {
    if (!at.is_matrix) continue;
    missing("error of the spectral gradient norm and critical batch",
            "it needs the mean gradients of several groups of micro-batches, a copy of the gradients each");
    break;
  }
  missing("Hessian products", report.hessian.step == 0.0 && report.hessian.reason.empty()
                                  ? "a thorough probe has them, which was not asked for"
                                  : report.hessian.reason);
  for (const GeometryGrowth& growth : report.growth) {
    missing(std::string("growth of noise, ") + to_string(growth.geometry), growth.noise.reason);
    missing(std::string("growth of smoothness, ") + to_string(growth.geometry), growth.smoothness.reason);
  }
}

}  // namespace normdescent::probe_detail
