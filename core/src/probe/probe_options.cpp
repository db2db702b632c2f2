// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <span>
#include <string>

#include "normdescent/probe/probe.hpp"

namespace normdescent {

std::vector<std::string> validate(const ProbeOptions& options) {
  std::vector<std::string> problems;
  const auto at_least = [&](const char* field, int value, int least) {
    if (value < least) {
      problems.push_back(std::string(field) + " = " + std::to_string(value) + ", must be >= " + std::to_string(least));
    }
  };
  if (options.geometries.empty()) problems.push_back("geometries = {}, must hold at least one");
  for (std::size_t i = 0; i < options.geometries.size(); ++i) {
    const Geometry& geometry = options.geometries[i];
    if (find_geometry(std::span(options.geometries).first(i), geometry.name()) != nullptr)
      problems.push_back("geometries = ... " + geometry.name() + ", must not hold two of one name");
  }
  at_least("micro_batches", options.micro_batches, 2);
  at_least("pilot_micro_batches", options.pilot_micro_batches, 2);
  at_least("matrix_samples", options.matrix_samples, 2);
  if (options.sampled_coordinates < 1024) {
    problems.push_back("sampled_coordinates = " + std::to_string(options.sampled_coordinates) + ", must be >= 1024");
  }
  at_least("tail_coordinates", options.tail_coordinates, 0);
  at_least("tail_projections", options.tail_projections, 0);
  at_least("search_repetitions", options.search_repetitions, 1);
  at_least("repetitions", options.repetitions, 2);
  at_least("pilot_repetitions", options.pilot_repetitions, 2);
  at_least("pilot_steps", options.pilot_steps, 0);
  at_least("pilot_tries", options.pilot_tries, 1);
  if (!(options.pilot_rate > 0.0 && std::isfinite(options.pilot_rate))) {
    problems.push_back("pilot_rate = " + std::to_string(options.pilot_rate) + ", must be a positive number");
  }
  return problems;
}

}  // namespace normdescent
