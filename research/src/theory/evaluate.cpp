// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "assumptions.hpp"
#include "geometry_bounds.hpp"
#include "normdescent/base/nearest_name.hpp"
#include "normdescent/theory/lower_others.hpp"
#include "normdescent/theory/lower_sgd.hpp"
#include "normdescent/theory/lower_sign.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

const Method& find_method(const std::string& name) {
  const auto found = std::ranges::find(methods(), name, [](const Method& method) { return method.info.name; });
  if (found != methods().end()) return *found;
  std::vector<std::string> names;
  std::string all;
  for (const auto& method : methods()) {
    names.emplace_back(method.info.name);
    all += (all.empty() ? "" : ", ") + names.back();
  }
  const auto nearest = nearest_name(name, names);
  throw std::invalid_argument("method = " + name + ", must be one of " + all +
                              (nearest ? "; did you mean " + *nearest + "?" : ""));
}

double needed(const std::optional<double>& value, const char* field, const BoundsQuery& query) {
  if (value) return *value;
  throw std::invalid_argument(std::string(field) + " = (not given), must be given for " + query.method);
}

// The query's own words for its fields, before anything deeper can complain in others.
void validate_query(const BoundsQuery& query) {
  require_positive("delta", query.delta);
  require_positive("smoothness", query.smoothness);
  require_non_negative("noise", query.noise);
  require_tail(query.tail);
  if (query.batch) require_at_least_one("batch", *query.batch);
  if (query.dimension) require_at_least_one("dimension", *query.dimension);
  if (query.density) {
    if (!query.dimension) require_fraction("density", *query.density);
    if (query.dimension) require_density("dimension", *query.dimension, "density", *query.density);
  }
  for (const auto& [field, value] : {std::pair{"relative_smoothness", query.relative_smoothness},
                                     std::pair{"relative_noise", query.relative_noise}}) {
    if (!value) continue;
    require_non_negative(field, *value);
    if (query.method != "signum") refuse(field, *value, "left out: known for signum only");
  }
  for (const auto& [field, value] :
       {std::pair{"curvature_density", query.curvature_density}, std::pair{"alignment", query.alignment}}) {
    if (value && query.method != "adagrad") refuse(field, *value, "left out: known for adagrad only");
  }
  if (query.hessian_smoothness) require_non_negative("hessian_smoothness", *query.hessian_smoothness);
}

// Plain SGD in l1. L_2 <= L_inf and ||sigma||_2 = S/sqrt(d phi); epsilon/sqrt(d) in l2 implies epsilon in l1.
void evaluate_sgd(const BoundsQuery& query, const ProblemConstants& constants, BoundsReport& report) {
  const double d = needed(query.dimension, "dimension", query);
  const double phi = needed(query.density, "density", query);
  if (query.tail == 2.0) {
    const ProblemConstants euclidean{.geometry = "euclidean",
                                     .initial_gap = query.delta,
                                     .smoothness = query.smoothness,
                                     .noise = query.noise / std::sqrt(d * phi)};
    report.upper = tune_sgd(euclidean, query.epsilon / std::sqrt(d), query.batch.value_or(1.0));
    report.upper->bound.source = published("U11", "standard, through ||.||_1 <= sqrt(d) ||.||_2, L_2 <= L_inf");
    set_value(report.upper->bound, std::sqrt(d) * report.upper->bound.value);
  } else {
    report.upper_missing = "plain SGD with constant steps has no upper bound without a finite variance (tail < 2)";
  }
  if (query.batch.value_or(1.0) == 1.0) {
    const auto instances = sgd_hard_instances(query.delta, query.smoothness, query.noise, {d, phi}, query.tail);
    report.lower = lower_sgd_samples(instances, query.epsilon);
  } else {
    report.lower_missing = "the lower bound of SGD is known for batch = 1 only";
  }
  report.wider_lower.push_back(lower_deterministic_steps(constants, query.epsilon));
}

// AdaGrad with delta = 1e-8/d. The largest entries of L, sigma and grad f(x_0) enter by their logarithm only: they are
// taken as large as their sums allow.
void evaluate_adagrad(const BoundsQuery& query, const ProblemConstants& constants, BoundsReport& report) {
  if (query.tail != 2.0) refuse("tail", query.tail, "2 for adagrad, whose bounds need second moments");
  if (query.batch.value_or(1.0) != 1.0) refuse("batch", *query.batch, "1 for adagrad: divide the noise by sqrt(batch)");
  const double d = needed(query.dimension, "dimension", query);
  report.upper = tune_adagrad({.initial_gap = query.delta,
                               .smoothness_l1 = query.smoothness,
                               .smoothness_max = query.smoothness,
                               .noise_l1 = query.noise,
                               .noise_max = query.noise,
                               .start_gradient_max = largest_start_gradient(constants),
                               .dimension = d,
                               .delta = 1e-8 / d},
                              query.epsilon);
  report.lower = lower_adagrad_samples(constants, query.epsilon);
  if (query.curvature_density || query.alignment)
    report.speedup_over_sgd =
        speedup_adagrad_over_sgd(d, needed(query.curvature_density, "curvature_density", query),
                                 needed(query.density, "density", query), needed(query.alignment, "alignment", query));
  report.wider_lower.push_back(lower_deterministic_steps(constants, query.epsilon));
}

bool is_generalized(const BoundsQuery& query) { return query.relative_smoothness || query.relative_noise; }

// Steps become samples: every step of these methods takes `batch` of them.
Bound times_batch(Bound steps, double batch) {
  set_log_value(steps, steps.log10_value * std::log(10.0) + std::log(batch));
  return steps;
}

void evaluate_family(const BoundsQuery& query, const Method& method, const ProblemConstants& constants,
                     BoundsReport& report) {
  const double batch = query.batch.value_or(1.0);
  // From a zero start Lion is off by the first gradient.
  const double start_error = largest_start_gradient(constants);
  const auto deterministic = [&] { return times_batch(lower_deterministic_steps(constants, query.epsilon), batch); };
  const auto no_theorem = [&] {
    report.lower_missing = "no lower bound is known for this method; wider classes give the one listed";
    report.wider_lower.push_back(deterministic());
  };
  switch (method.family) {
    case Family::sgd: evaluate_sgd(query, constants, report); break;
    case Family::sgd_l2:
      if (query.tail == 2.0)
        report.upper = tune_sgd(constants, query.epsilon, batch);
      else
        report.upper_missing = "plain SGD with constant steps has no upper bound without a finite variance (tail < 2)";
      report.lower = lower_zero_respecting_samples(constants, query.epsilon);
      report.wider_lower.push_back(deterministic());
      break;
    case Family::mini_batch:
      report.upper =
          query.batch ? tune_minibatch(constants, query.epsilon, batch) : tune_minibatch(constants, query.epsilon);
      report.lower = lower_sign_samples(constants, query.epsilon);
      report.wider_lower.push_back(deterministic());
      break;
    case Family::momentum:
      if (is_generalized(query)) {
        report.upper = tune_generalized({.initial_gap = query.delta,
                                         .smoothness = query.smoothness,
                                         .relative_smoothness = query.relative_smoothness.value_or(0.0),
                                         .noise = query.noise,
                                         .relative_noise = query.relative_noise.value_or(0.0),
                                         .tail = query.tail},
                                        query.epsilon, batch);
      } else {
        report.upper = tune_momentum(constants, query.epsilon, batch, MomentumStart::zero);
      }
      no_theorem();
      break;
    case Family::lion:
      report.upper = tune_lion(constants, query.epsilon, start_error, batch);
      no_theorem();
      break;
    case Family::muonlight:
      report.upper = tune_muonlight(constants, query.epsilon, start_error, batch);
      no_theorem();
      break;
    case Family::extrapolation:
      report.upper = tune_extrapolation(constants, query.epsilon,
                                        needed(query.hessian_smoothness, "hessian_smoothness", query), batch);
      report.lower_missing = "the known hard instances are not second-order smooth (S-2)";
      break;
    case Family::variance_reduction:
      report.upper = tune_variance_reduction(constants, query.epsilon, batch);
      no_theorem();
      break;
    case Family::adagrad: evaluate_adagrad(query, constants, report); break;
  }
}

void collect(const Bound& bound, BoundsReport& report) {
  for (const auto& assumption : bound.assumptions) {
    const auto same_tag = [&](const Assumption& other) { return other.tag == assumption.tag; };
    if (std::ranges::none_of(report.assumptions, same_tag)) report.assumptions.push_back(assumption);
  }
  report.flags.insert(report.flags.end(), bound.flags.begin(), bound.flags.end());
}

}  // namespace

std::span<const BoundsMethod> bounds_methods() {
  static const std::vector<BoundsMethod> infos = [] {
    std::vector<BoundsMethod> all;
    for (const Method& method : methods()) all.push_back(method.info);
    return all;
  }();
  return infos;
}

BoundsReport evaluate_bounds(const BoundsQuery& query) {
  const Method& method = find_method(query.method);
  validate_query(query);
  const std::string geometry = method.info.geometry.empty() ? query.geometry : std::string(method.info.geometry);
  const ProblemConstants constants{.geometry = geometry,
                                   .initial_gap = query.delta,
                                   .smoothness = query.smoothness,
                                   .noise = query.noise,
                                   .tail = query.tail};
  require_target(constants, query.epsilon);

  BoundsReport report{.method = query.method, .stationarity = bounds_of(geometry).stationarity};
  evaluate_family(query, method, constants, report);
  if (report.upper) collect(report.upper->bound, report);
  if (report.lower) collect(*report.lower, report);

  const bool is_rival_of_sgd = method.family == Family::mini_batch || method.family == Family::momentum ||
                               method.family == Family::lion || method.family == Family::muonlight;
  if (query.dimension && query.density && is_rival_of_sgd) {
    if (const auto speedup = bounds_of(geometry).speedup_over_sgd; speedup != nullptr)
      report.speedup_over_sgd = speedup(*query.dimension, *query.density);
  }
  if (report.speedup_over_sgd)
    report.speedup_at_epsilon = speedup_at(*report.speedup_over_sgd, query.noise, query.epsilon, query.tail);
  return report;
}

}  // namespace normdescent
