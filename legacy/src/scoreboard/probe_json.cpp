// SPDX-License-Identifier: Apache-2.0
#include "probe_json.hpp"

#include <algorithm>

#include "normdescent/probe/probe.hpp"

namespace normdescent::scoreboard_detail {

namespace {

using Json = nlohmann::json;

std::vector<GeometryReport> geometries_from(const Json& list) {
  std::vector<GeometryReport> geometries;
  for (const Json& item : list) {
    GeometryReport m;
    for (const Geometry& geometry : builtin_geometries()) {
      if (item.at("geometry") == geometry.name()) m.geometry = geometry;
    }
    m.noise_scale = number_at(item, "noise_scale");
    m.noise_density = number_at(item, "noise_density");
    m.gradient_norm = number_at(item, "gradient_norm");
    m.critical_batch = {number_at(item, "critical_batch"), number_at(item, "critical_batch_se")};
    m.smoothness.constant = {number_at(item, "smoothness"), number_at(item, "smoothness_se")};
    m.smoothness.curvature = {number_at(item, "curvature"), number_at(item, "curvature_se")};
    geometries.push_back(m);
  }
  return geometries;
}

TailIndex tail_from(const Json& json) {
  TailIndex tail;
  tail.two_scale = {number_at(json, "two_scale"), number_at(json, "two_scale_se")};
  tail.one_scale = number_at(json, "one_scale");
  tail.samples = json.at("samples");
  tail.series = json.at("series");
  return tail;
}

PilotReport pilot_from(const Json& json) {
  PilotReport pilot;
  pilot.kind.optimizer = json.at("optimizer").is_string() ? json.at("optimizer").get<std::string>() : "";
  const ProbeOptions defaults;
  const auto kind = std::ranges::find(defaults.pilots, pilot.kind.optimizer, &PilotKind::optimizer);
  if (kind != defaults.pilots.end()) pilot.kind = *kind;
  pilot.run.learning_rate = number_at(json, "learning_rate");
  pilot.run.tries = json.at("tries");
  pilot.run.losses = json.at("losses").get<std::vector<double>>();
  pilot.end.optimizer = pilot.kind.optimizer;
  pilot.end.step = json.at("step");
  pilot.end.loss = number_at(json, "loss");
  pilot.end.noise.density = number_at(json, "noise_density");
  pilot.end.geometries = geometries_from(json.at("geometries"));
  return pilot;
}

}  // namespace

double number_at(const Json& json, const char* key, double missing) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? missing : found->get<double>();
}

ProbeReport probe_from_json(const Json& json) {
  ProbeReport report;
  if (json.at("status") == to_string(ProbeStatus::completed)) report.status = ProbeStatus::completed;
  report.dimension = json.at("dimension");
  report.batch_size = json.at("batch_size");
  report.micro_batch_size = json.at("micro_batch_size");
  report.start.loss = number_at(json, "loss");
  report.start.noise.count = json.at("micro_batches");
  report.start.noise.density = number_at(json, "noise_density");
  report.start.noise.l1 = number_at(json, "noise_l1");
  report.start.noise.l2 = number_at(json, "noise_l2");
  report.start.noise.gradient_l1 = number_at(json, "gradient_l1");
  report.start.noise.gradient_l2_squared = number_at(json, "gradient_l2_squared");
  report.start.geometries = geometries_from(json.at("geometries"));
  const Json& gains = json.at("one_step_gain");  // one a geometry, in the same order
  for (std::size_t i = 0; i < gains.size() && i < report.start.geometries.size(); ++i) {
    OneStepGain& gain = report.start.geometries[i].one_step_gain;
    gain.gain = {number_at(gains[i], "gain"), number_at(gains[i], "gain_se")};
    gain.step_size = number_at(gains[i], "step_size");
    gain.learning_rate = number_at(gains[i], "learning_rate");
  }
  report.tail = tail_from(json.at("tail").at("coordinates"));
  report.tail_of_projections = tail_from(json.at("tail").at("projections"));
  for (const Json& pilot : json.at("pilot")) report.pilots.push_back(pilot_from(pilot));
  report.gradient_examples = json.at("gradient_examples");
  report.loss_examples = json.at("loss_examples");
  report.seconds = number_at(json, "seconds");
  return report;
}

}  // namespace normdescent::scoreboard_detail
