// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "normdescent/probe/report_json.hpp"

namespace normdescent {
namespace {

using probe_detail::number;
using probe_detail::OrderedJson;

OrderedJson number_if(bool measured, double value) { return measured ? number(value) : OrderedJson(nullptr); }

OrderedJson tail_json(const TailIndex& tail) {
  const bool measured = tail.series > 0;
  return {{"two_scale", number_if(measured, tail.two_scale.value)},
          {"two_scale_se", number_if(measured, tail.two_scale.standard_error)},
          {"one_scale", number_if(measured, tail.one_scale)},
          {"samples", tail.samples},
          {"series", tail.series},
          {"blocks", {tail.small_block, tail.large_block}}};
}

OrderedJson geometries_json(const PointReport& point) {
  OrderedJson list = OrderedJson::array();
  for (const GeometryReport& m : point.geometries) {
    const bool smooth = m.smoothness.constant.value > 0.0;
    list.push_back(
        {{"geometry", m.geometry.name()},
         {"norm", m.geometry.norm_name()},
         {"dual", m.geometry.dual_name()},
         {"noise_scale", number(m.noise_scale)},
         {"noise_scale_se", number_if(m.noise_scale_error > 0.0, m.noise_scale_error)},
         {"noise_density", number(m.noise_density)},
         {"gradient_norm", number(m.gradient_norm)},
         {"critical_batch", number(m.critical_batch.value)},
         {"critical_batch_se", number_if(m.critical_batch.standard_error > 0.0, m.critical_batch.standard_error)},
         {"smoothness", number_if(smooth, m.smoothness.constant.value)},
         {"smoothness_se", number_if(smooth, m.smoothness.constant.standard_error)},
         {"curvature", number_if(smooth, m.smoothness.curvature.value)},
         {"curvature_se", number_if(smooth, m.smoothness.curvature.standard_error)}});
  }
  return list;
}

OrderedJson gains_json(const PointReport& point) {
  OrderedJson list = OrderedJson::array();
  for (const GeometryReport& m : point.geometries) {
    list.push_back(
        {{"direction", m.geometry.direction()},
         {"gain", number(m.one_step_gain.gain.value)},
         {"gain_se", number(m.one_step_gain.gain.standard_error)},
         {"half_slope_step", number_if(m.one_step_gain.half_slope_step > 0.0, m.one_step_gain.half_slope_step)},
         {"step_size", number(m.one_step_gain.step_size)},
         {"learning_rate", number(m.one_step_gain.learning_rate)}});
  }
  return list;
}

// The built-in geometries' keys are always there.
OrderedJson smoothness_json(const PointReport& point) {
  OrderedJson json = OrderedJson::object();
  for (const Geometry& geometry : builtin_geometries()) json[geometry.key()] = nullptr;
  for (const GeometryReport& m : point.geometries)
    json[m.geometry.key()] = number_if(m.smoothness.constant.value > 0.0, m.smoothness.constant.value);
  return json;
}

// Statistics of sampled coordinates, and each geometry's share of the gain of a step.
void add_sampled(const ProbeReport& report, std::size_t t, OrderedJson& row) {
  for (const GeometryReport& m : report.start.geometries) {
    const auto& gains = m.smoothness.tensor_gains;
    row["step_gain_" + m.geometry.direction()] = t < gains.size() ? number(gains[t]) : OrderedJson(nullptr);
  }
  for (const GeometryReport& m : report.start.geometries) {
    const bool is_there = t < m.layer_gains.size();
    row["alone_gain_" + m.geometry.direction()] =
        is_there ? probe_detail::estimate_json(m.layer_gains[t].gain) : OrderedJson(nullptr);
  }
  if (t >= report.sampled.tensors.size()) return;
  const SampledNoise& sampled = report.sampled.tensors[t];
  row["noise_density_se"] = number(sampled.density.standard_error);
  row["noise_l1_relative_se"] = number(sampled.l1.standard_error / sampled.l1.value);
  row["gradient_density"] = number(sampled.gradient_density.value);
  row["sign_agreement"] = number(sampled.sign_agreement.value);
  row["sign_agreement_se"] = number(sampled.sign_agreement.standard_error);
}

OrderedJson hessian_json(const HessianReport& hessian) {
  if (hessian.constants.empty()) return nullptr;
  OrderedJson constants = OrderedJson::object();
  for (const auto& each : hessian.constants) constants[each.geometry.name()] = probe_detail::estimate_json(each.value);
  return {{"constants", constants},
          {"diagonal_share", probe_detail::estimate_json(hessian.diagonal_share)},
          {"trace", probe_detail::estimate_json(hessian.trace)},
          {"disagreement", number(hessian.disagreement)}};
}

OrderedJson growth_json(const ProbeReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const GeometryGrowth& growth : report.growth) {
    list.push_back({{"geometry", growth.geometry.name()},
                    {"noise", probe_detail::fit_json(growth.noise)},
                    {"smoothness", probe_detail::fit_json(growth.smoothness)}});
  }
  return list;
}

OrderedJson not_measured_json(const ProbeReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const NotMeasured& each : report.not_measured) {
    list.push_back({{"quantity", each.quantity}, {"because", each.because}});
  }
  return list;
}

// What a geometry consists of that covers some tensors, with each part's share of a step's gain.
OrderedJson parts_json(const GeometryReport& m, const ProbeReport& report) {
  struct Part {
    std::int64_t tensors = 0;
    std::int64_t coordinates = 0;
    double gain = 0.0;
  };
  Part own;
  Part rest;
  for (std::size_t t = 0; t < m.tensors.size(); ++t) {
    Part& part = m.tensors[t].is_covered ? own : rest;
    ++part.tensors;
    part.coordinates += report.per_parameter[t].parameter.size();
    part.gain +=
        t < m.smoothness.tensor_gains.size() ? m.smoothness.tensor_gains[t] : std::numeric_limits<double>::quiet_NaN();
  }
  if (own.tensors == 0 || m.geometry.is_inner_product()) return nullptr;
  const auto json = [](const Part& part) {
    return OrderedJson{{"tensors", part.tensors}, {"coordinates", part.coordinates}, {"step_gain", number(part.gain)}};
  };
  return {
      {"geometry", m.geometry.name()},
      {m.geometry.direction(), json(own)},
      {geometries::sign().direction(), json(rest)},
      {"stands_for", m.geometry.direction() + " on matrices; sign, as adamw without memory, on all other tensors; one "
                                              "step size"}};
}

// One entry for each geometry that treats tensors unequally.
OrderedJson routed_json(const ProbeReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const GeometryReport& m : report.start.geometries) {
    if (OrderedJson parts = parts_json(m, report); !parts.is_null()) list.push_back(std::move(parts));
  }
  return list;
}

// What each geometry says of one tensor that it covers, by its name.
OrderedJson tensor_json(const ProbeReport& report, std::size_t t) {
  OrderedJson json = OrderedJson::object();
  for (const GeometryReport& m : report.start.geometries) {
    if (t >= m.tensors.size() || !m.tensors[t].is_covered) continue;
    json[m.geometry.name()] = {{"noise_scale", number(m.tensors[t].noise_scale)},
                               {"gradient_norm", number(m.tensors[t].gradient_norm)}};
  }
  return json;
}

OrderedJson parameters_json(const ProbeReport& report) {
  OrderedJson list = OrderedJson::array();
  for (std::size_t t = 0; t < report.per_parameter.size(); ++t) {
    const ParameterNoise& p = report.per_parameter[t];
    const bool noise = p.noise.count > 1;
    const bool matrix = p.matrix.count > 1;
    list.push_back({{"name", p.parameter.name},
                    {"shape", p.parameter.shape},
                    {"role", to_string(p.parameter.role)},
                    {"noise_density", number_if(noise, p.noise.density)},
                    {"noise_l1", number_if(noise, p.noise.l1)},
                    {"noise_l2", number_if(noise, p.noise.l2)},
                    {"noise_nuclear", number_if(matrix, p.matrix.nuclear)},
                    {"noise_nuclear_se", number(p.matrix.nuclear_error)},
                    {"noise_density_nuclear", number_if(matrix, p.matrix.density)},
                    {"noise_density_nuclear_se", number(p.matrix.density_error)},
                    {"gradient_l1", number_if(noise, p.noise.gradient_l1)},
                    {"gradient_l2_squared", number_if(noise, p.noise.gradient_l2_squared)},
                    {"noise_stable_rank", number_if(matrix, p.matrix.stable_rank)},
                    {"noise_stable_rank_se", number(p.matrix.stable_rank_error)},
                    {"silent_coordinates", p.noise.silent},
                    {"gradient_nuclear_over_frobenius", number(p.nuclear_over_frobenius)},
                    {"noise_growth", probe_detail::fit_json(p.noise_growth)},
                    {"matrix_noise_growth", probe_detail::fit_json(p.matrix_noise_growth)},
                    {"geometries", tensor_json(report, t)}});
    add_sampled(report, t, list.back());
  }
  return list;
}

OrderedJson pilots_json(const ProbeReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const PilotReport& pilot : report.pilots) {
    list.push_back({{"optimizer", pilot.end.optimizer},
                    {"step", pilot.end.step},
                    {"noise_density", number_if(pilot.end.noise.count > 1, pilot.end.noise.density)},
                    {"noise_density_se", number(pilot.end.noise_density_error)},
                    {"loss", number(pilot.end.loss)},
                    {"learning_rate", number(pilot.run.learning_rate)},
                    {"tries", pilot.run.tries},
                    {"losses", pilot.run.losses},
                    {"geometries", geometries_json(pilot.end)}});
  }
  return list;
}

}  // namespace

const char* to_string(ProbeStatus status) {
  switch (status) {
    case ProbeStatus::not_run: return "not run";
    case ProbeStatus::completed: return "completed";
    case ProbeStatus::stopped: return "stopped";
    case ProbeStatus::not_measurable: return "not measurable";
  }
  return "unknown";
}

const GeometryReport* PointReport::find(std::string_view geometry) const {
  const auto found = std::ranges::find(geometries, geometry, [](const GeometryReport& m) { return m.geometry.name(); });
  return found == geometries.end() ? nullptr : &*found;
}

std::string ProbeReport::one_line() const {
  if (status == ProbeStatus::not_run) return "probe not run";
  if (status == ProbeStatus::not_measurable) return "probe: not measurable because " + reason;
  std::array<char, 300> text{};
  std::snprintf(text.data(), text.size(),
                "probe %s: %lld parameters, noise density %.3f +- %.3f, tail index %.2f +- %.2f, %.1f s",
                to_string(status), static_cast<long long>(dimension), start.noise.density, start.noise_density_error,
                tail.two_scale.value, tail.two_scale.standard_error, seconds);
  return text.data();
}

std::string ProbeReport::to_json() const {
  const bool noise = start.noise.count > 1;
  const OrderedJson json = {
      {"status", to_string(status)},
      {"reason", reason.empty() ? OrderedJson(nullptr) : OrderedJson(reason)},
      {"dimension", dimension},
      {"batch_size", batch_size},
      {"micro_batch_size", micro_batch_size},
      {"micro_batches", start.noise.count},
      {"loss", number_if(status != ProbeStatus::not_run, start.loss)},
      {"noise_density", number_if(noise, start.noise.density)},
      {"noise_density_se", number_if(noise, start.noise_density_error)},
      {"noise_l1", number_if(noise, start.noise.l1)},
      {"noise_l2", number_if(noise, start.noise.l2)},
      {"gradient_l1", number_if(noise, start.noise.gradient_l1)},
      {"gradient_l2_squared", number_if(noise, start.noise.gradient_l2_squared)},
      {"tail_index", number_if(tail.series > 0, tail.two_scale.value)},
      {"tail", {{"coordinates", tail_json(tail)}, {"projections", tail_json(tail_of_projections)}}},
      {"tail_explanation", tail.explanation()},
      {"smoothness", smoothness_json(start)},
      {"geometries", geometries_json(start)},
      {"one_step_gain", gains_json(start)},
      {"pilot", pilots_json(*this)},
      {"per_parameter", parameters_json(*this)},
      {"routed", routed_json(*this)},
      {"hessian", hessian_json(hessian)},
      {"sampled", probe_detail::noise_json(sampled.total)},
      {"batch_invariance", probe_detail::invariance_json(sampled.invariance)},
      {"tails", probe_detail::tails_json(tails)},
      {"growth", growth_json(*this)},
      {"not_measured", not_measured_json(*this)},
      {"gradient_examples", gradient_examples},
      {"loss_examples", loss_examples},
      {"seconds", number(seconds)}};
  return json.dump();
}

}  // namespace normdescent
