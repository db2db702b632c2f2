// SPDX-License-Identifier: Apache-2.0
#include "probe_file.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_depth.hpp"

namespace normdescent::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kHint = "make one with: normdescent probe --json > FILE";

double number(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) throw UserError(where + " has no number \"" + key + "\"", kHint);
  return found->get<double>();
}

bool is_measured(const Json& geometry) {
  const auto is_positive = [&](const char* key) {
    const auto found = geometry.find(key);
    return found != geometry.end() && found->is_number() && found->get<double>() > 0.0;
  };
  return geometry.is_object() && is_positive("smoothness") && is_positive("gradient_norm");
}

}  // namespace

MeasuredProblem read_probe_file(const std::string& path) {
  const std::string text = read_text(path);
  if (json_nests_too_deep(text)) throw UserError(path + " nests too deep", kHint);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw UserError(path + " is not a JSON object", kHint);

  const double samples = number(json, "batch_size", path);
  MeasuredProblem problem{.delta = number(json, "loss", path),
                          .dimension = number(json, "dimension", path),
                          .density = number(json, "noise_density", path),
                          .geometries = {}};
  const auto geometries = json.find("geometries");
  if (geometries == json.end() || !geometries->is_array()) throw UserError(path + " has no list \"geometries\"", kHint);
  for (const auto& measured : *geometries) {
    if (!is_measured(measured)) continue;  // noise hid the gradient, or no smoothness came out
    const auto name = measured.find("geometry");
    if (name == measured.end() || !name->is_string()) throw UserError(path + " has a geometry without a name", kHint);
    problem.geometries.push_back({name->get<std::string>(),
                                  {.smoothness = number(measured, "smoothness", path),
                                   .noise = number(measured, "noise_scale", path) * std::sqrt(samples),
                                   .gradient_norm = number(measured, "gradient_norm", path)}});
  }
  if (problem.geometries.empty()) throw UserError(path + ": no geometry has smoothness and a gradient", kHint);
  return problem;
}

}  // namespace normdescent::cli
