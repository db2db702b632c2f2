// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/lower_sgd.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "assumptions.hpp"
#include "certified_infimum.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

void validate_separable(const SeparableConstants& constants) {
  require_positive("initial_gap", constants.initial_gap);
  require_tail(constants.tail);
  bool has_curvature = false;
  for (const auto& group : constants.coordinates) {
    require_positive("count", group.count);
    require_non_negative("smoothness", group.smoothness);
    require_non_negative("noise", group.noise);
    has_curvature = has_curvature || group.smoothness > 0.0;
  }
  if (!has_curvature)
    throw std::invalid_argument("coordinates = " + std::to_string(constants.coordinates.size()) +
                                " groups without curvature, must be at least one group with smoothness > 0");
}

double total_count(const SeparableConstants& constants) {
  double total = 0.0;
  for (const auto& group : constants.coordinates) total += group.count;
  return total;
}

std::vector<Assumption> sgd_assumptions(double tail) {
  return {noise_assumption("sign", tail), separable_smoothness(),
          Assumption{"vanilla-sgd", "x <- x - eta g, one sample per step, eta constant, instance chosen after eta"}};
}

}  // namespace

Bound lower_sgd_closed_form(const SeparableConstants& constants, double steps) {
  validate_separable(constants);
  require_at_least_one("steps", steps);
  if (constants.tail != 2.0) refuse("tail", constants.tail, "2 for the closed form; lower_sgd_numeric takes p < 2");

  const double d = total_count(constants);
  double largest = 0.0;
  double smallest = constants.coordinates.front().smoothness;
  double weighted_noise = 0.0;  // sum sigma_i sqrt L_i
  for (const auto& [count, smoothness, noise] : constants.coordinates) {
    largest = std::max(largest, smoothness);
    smallest = std::min(smallest, smoothness);
    weighted_noise += count * noise * std::sqrt(smoothness);
  }
  const double gap = constants.initial_gap;
  const double deterministic = std::sqrt(d * largest * gap / (2.0 * steps)) / 16.0;
  const double noisy =
      std::pow(d * gap, 0.25) * std::sqrt(weighted_noise) / (8.0 * std::exp2(0.25) * std::pow(steps, 0.25));
  const double cap = 0.25 * std::sqrt(smallest * gap / d);
  const double threshold = std::max(d * d * largest / (8.0 * smallest),
                                    d * d * d * weighted_noise * weighted_noise / (2.0 * gap * smallest * smallest));

  Bound bound;
  bound.source = published("L3", "arXiv:2605.06615, Theorem 3; Jiang et al., COLT 2025, Theorem 6");
  bound.assumptions = sgd_assumptions(2.0);
  bound.assumptions.push_back(
      checked("large-T", "T >= max{d^2 L_max/(8 L_min), d^3 (sum sigma_i sqrt L_i)^2/(2 Delta L_min^2)}"));
  if (!(steps >= threshold))
    bound.flags.push_back({FlagKind::below_horizon_threshold, threshold,
                           "the asymptotic branch is reached from steps = " + to_text(threshold)});
  set_value(bound, std::min(deterministic + noisy, cap));
  return bound;
}

Bound lower_sgd_numeric(const SeparableConstants& constants, double steps) {
  validate_separable(constants);
  require_at_least_one("steps", steps);
  Bound bound;
  bound.source = derived_here(constants.tail == 2.0 ? "L3n" : "L9");
  bound.constants_are_ours = true;
  bound.assumptions = sgd_assumptions(constants.tail);
  set_value(bound, SgdInfimum(constants).at(std::log(steps)));
  return bound;
}

std::vector<CoordinateGroup> noise_with_density(double noise, const NoiseProfile& profile, double tail) {
  require_non_negative("noise", noise);
  require_tail(tail);
  require_density("dimension", profile.dimension, "density", profile.density);
  const double d = profile.dimension;

  // d phi is the number of equal coordinates that have this density; round-off must not add one more.
  const double effective = std::max(1.0, d * profile.density);
  const double active = std::ceil(effective * (1.0 - 1e-12));
  std::vector<CoordinateGroup> groups;
  if (active - effective < 1e-9 * effective) {
    groups.push_back({active, 0.0, noise / active});
  } else {
    // w: share of the odd coordinate; effective number (sum/||.||_p)^(1/theta) falls from `active` (w = 1/active) to 1.
    const double rest = active - 1.0;
    const auto effective_number = [&](double w) {
      const double power_sum = std::pow(w, tail) + rest * std::pow((1.0 - w) / rest, tail);
      return std::pow(power_sum, -1.0 / (tail - 1.0));
    };
    double low = 1.0 / active;
    double high = 1.0;
    for (int i = 0; i < 100; ++i) {
      const double middle = 0.5 * (low + high);
      (effective_number(middle) > effective ? low : high) = middle;
    }
    groups.push_back({1.0, 0.0, noise * low});
    groups.push_back({rest, 0.0, noise * (1.0 - low) / rest});
  }
  if (d > active) groups.push_back({d - active, 0.0, 0.0});
  return groups;
}

std::vector<SeparableConstants> sgd_hard_instances(double initial_gap, double smoothness, double noise,
                                                   const NoiseProfile& profile, double tail) {
  require_positive("initial_gap", initial_gap);
  require_positive("smoothness", smoothness);
  std::vector<CoordinateGroup> groups = noise_with_density(noise, profile, tail);
  const double d = profile.dimension;
  // One coordinate apart, to carry the single steep direction.
  if (groups.front().count > 1.0) {
    groups.insert(groups.begin(), CoordinateGroup{1.0, 0.0, groups.front().noise});
    groups[1].count -= 1.0;
  }
  double power_sum = 0.0;  // ||sigma||_p^p over S^p
  for (const auto& group : groups)
    if (noise > 0.0) power_sum += group.count * std::pow(group.noise / noise, tail);

  struct Mix {
    double by_noise, even, single;
  };
  std::vector<SeparableConstants> instances;
  for (const Mix& mix : {Mix{1.0 / 3, 1.0 / 3, 1.0 / 3}, Mix{0.5, 0.5, 0.0}, Mix{0.0, 0.5, 0.5}}) {
    SeparableConstants instance{.initial_gap = initial_gap, .tail = tail, .coordinates = groups};
    for (auto& group : instance.coordinates) {
      const double noise_share = noise > 0.0 ? std::pow(group.noise / noise, tail) / power_sum : 1.0 / d;
      group.smoothness = smoothness * (mix.by_noise * noise_share + mix.even / d);
    }
    instance.coordinates.front().smoothness += smoothness * mix.single;
    instances.push_back(std::move(instance));
  }
  return instances;
}

Bound lower_sgd_samples(std::span<const SeparableConstants> instances, double epsilon) {
  require_positive("epsilon", epsilon);
  if (instances.empty()) throw std::invalid_argument("instances = 0, must be at least one instance");
  Bound bound;
  bound.constants_are_ours = true;
  bound.source = derived_here(instances.front().tail == 2.0 ? "L3n" : "L9");
  bound.assumptions = sgd_assumptions(instances.front().tail);

  double best_log = -1.0;
  double largest_at_start = 0.0;
  for (const auto& instance : instances) {
    validate_separable(instance);
    const SgdInfimum infimum(instance);
    const double at_start = infimum.at(0.0);
    largest_at_start = std::max(largest_at_start, at_start);
    if (at_start < epsilon) continue;
    // LB falls with T, to 0; double the logarithm until it is below epsilon, then bisect.
    double low = 0.0;
    double high = 1.0;
    while (infimum.at(high) >= epsilon) {
      low = high;
      high *= 2.0;
    }
    while (high - low > 1e-6) {
      const double middle = 0.5 * (low + high);
      (infimum.at(middle) >= epsilon ? low : high) = middle;
    }
    best_log = std::max(best_log, low);
  }
  if (best_log < 0.0) {
    bound.flags.push_back(
        {FlagKind::saturated, largest_at_start, "says nothing for epsilon above " + to_text(largest_at_start)});
    set_value(bound, 0.0);
    return bound;
  }
  set_log_value(bound, best_log);
  return bound;
}

}  // namespace normdescent
