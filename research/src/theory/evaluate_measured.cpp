// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/evaluate_measured.hpp"

#include <algorithm>
#include <stdexcept>

#include "geometry_bounds.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

const MeasuredGeometry* find(const MeasuredProblem& problem, std::string_view geometry) {
  const auto found = std::ranges::find(problem.geometries, geometry, &MeasuredGeometry::geometry);
  return found == problem.geometries.end() ? nullptr : &*found;
}

BoundsQuery query_for(const BoundsMethod& method, const MeasuredGeometry& measured, const MeasuredProblem& problem,
                      const MeasuredTarget& target) {
  BoundsQuery query{.method = std::string(method.name),
                    .geometry = measured.geometry,
                    .delta = problem.delta,
                    .smoothness = measured.at.smoothness,
                    .noise = measured.at.noise,
                    .epsilon = target.epsilon.value_or(target.fraction * measured.at.gradient_norm),
                    .tail = problem.tail,
                    .batch = target.batch};
  if (bounds_of(method.geometry).has_density_of_coordinates) {  // the matrix methods' is another (phi_nuc over r)
    query.dimension = problem.dimension;
    query.density = problem.density;
  }
  return query;
}

}  // namespace

MeasuredBounds evaluate_bounds(const MeasuredProblem& problem, const MeasuredTarget& target) {
  require_positive("delta", problem.delta);
  require_density("dimension", problem.dimension, "density", problem.density);
  require_tail(problem.tail);
  if (!(target.fraction > 0.0 && target.fraction < 1.0)) refuse("fraction", target.fraction, "in (0, 1)");
  if (target.epsilon) require_positive("epsilon", *target.epsilon);
  if (target.batch) require_at_least_one("batch", *target.batch);

  MeasuredBounds result;
  const auto ask = [&](const BoundsMethod& method, const MeasuredGeometry& measured) {
    MeasuredBounds::Entry entry{.query = query_for(method, measured, problem, target)};
    try {
      entry.report = evaluate_bounds(entry.query);
    } catch (const std::invalid_argument& refusal) {
      entry.refused = refusal.what();
    }
    result.entries.push_back(std::move(entry));
  };
  for (const auto& method : bounds_methods()) {
    const MeasuredGeometry* const measured = find(problem, method.geometry);
    if (measured == nullptr || method.name.ends_with("-extrapolation")) continue;  // S-2's M is not measured
    ask(method, *measured);
  }
  // Geometries that no method is about have what holds in every norm.
  for (const auto& measured : problem.geometries) {
    const auto is_about = [&](const BoundsMethod& method) { return method.geometry == measured.geometry; };
    if (std::ranges::any_of(bounds_methods(), is_about)) continue;
    for (const auto& method : bounds_methods()) {
      if (method.geometry.empty()) ask(method, measured);
    }
  }
  const MeasuredGeometry* const euclidean = find(problem, "euclidean");
  for (const auto& measured : problem.geometries) {
    MeasuredBounds::Cost cost{.geometry = measured.geometry,
                              .critical_batch = critical_batch(measured.at, problem.tail)};
    if (euclidean != nullptr) cost.over_euclidean = matched_accuracy_speedup(euclidean->at, measured.at, problem.tail);
    result.costs.push_back(cost);
  }
  return result;
}

}  // namespace normdescent
