// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/instances.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace normdescent::lab {

namespace {

void require(bool holds, const char* field, double value, const std::string& demand) {
  if (!holds) throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + demand);
}

void validate(const InstanceBudget& b, double learning_rate) {
  require(b.curvature > 0 && std::isfinite(b.curvature), "curvature", b.curvature, "> 0 and finite");
  require(b.initial_gap > 0 && std::isfinite(b.initial_gap), "initial_gap", b.initial_gap, "> 0 and finite");
  require(b.sigma >= 0 && std::isfinite(b.sigma), "sigma", b.sigma, ">= 0 and finite");
  require(b.tail > 1 && b.tail <= 2, "tail", b.tail, "in (1, 2]");
  require(learning_rate > 0 && std::isfinite(learning_rate), "learning_rate", learning_rate, "> 0 and finite");
}

ScalarInstance make(const InstanceBudget& b, ScalarFunction function, double start, RareOracle oracle,
                    double resisted) {
  ScalarInstance out{.function = std::move(function),
                     .start = start,
                     .oracle = oracle,
                     .curvature = b.curvature,
                     .gap = 0.0,
                     .sigma = b.sigma,
                     .tail = b.tail,
                     .resisted = resisted};
  const double low = std::visit([](const auto& f) { return f.minimizer(); }, out.function);
  out.gap = out.value(start) - out.value(low);
  return out;
}

}  // namespace

double ScalarInstance::unit() const {
  return std::visit([](const auto& f) { return f.unit(); }, function);
}
double ScalarInstance::value(double position) const {
  return std::visit([&](const auto& f) { return f.value(position); }, function);
}
double ScalarInstance::gradient(double position) const {
  return std::visit([&](const auto& f) { return f.gradient(position); }, function);
}

std::int64_t guarded_floor(double v) { return static_cast<std::int64_t>(std::floor(v * (1 + 1e-12))); }

ScalarInstance sign_instance(const InstanceBudget& b, double epsilon, double learning_rate, CellCount cells) {
  validate(b, learning_rate);
  const double budget = b.curvature * b.initial_gap;
  require(epsilon > 0 && epsilon <= 0.25 * std::sqrt(budget) * (1 + 1e-12), "epsilon", epsilon,
          "in (0, sqrt(curvature initial_gap)/4 = " + std::to_string(0.25 * std::sqrt(budget)) + "]");
  const double s = 2 * epsilon;
  const double n = cells == CellCount::published ? budget / (4 * s * s) : budget / (s * s) - 0.5;
  return make(
      b, ResistingFunction{.curvature = b.curvature, .slope = s, .spacing = learning_rate, .cells = guarded_floor(n)},
      0.0, {.slope = s, .probability = firing_probability(s, b.sigma, b.tail)}, epsilon);
}

ScalarInstance sgd_two_cycle(const InstanceBudget& b, double learning_rate) {
  validate(b, learning_rate);
  const double slope = std::sqrt(2 * b.curvature * b.initial_gap);
  return make(b, HuberFunction{.curvature = b.curvature, .slope = slope}, -slope / b.curvature, {}, slope);
}

ScalarInstance sgd_noise_floor(const InstanceBudget& b, double learning_rate) {
  validate(b, learning_rate);
  const double p = b.tail;
  const double reached = p == 2.0
                             ? b.sigma * std::sqrt(b.curvature * learning_rate / 2)
                             : std::pow(2.0, -1 / p) * b.sigma * std::pow(learning_rate * b.curvature / 2, (p - 1) / p);
  const double epsilon = std::min(reached, std::sqrt(2 * b.curvature * b.initial_gap));
  require(epsilon > 0, "sigma", b.sigma, "> 0 for a noise floor");
  return make(b, HuberFunction{.curvature = b.curvature, .slope = epsilon}, epsilon / b.curvature,
              {.slope = epsilon, .probability = firing_probability(epsilon, b.sigma, p)}, epsilon);
}

ScalarInstance sgd_drift(const InstanceBudget& b, double learning_rate, double steps) {
  validate(b, learning_rate);
  require(steps >= 1 && std::isfinite(steps), "steps", steps, ">= 1 and finite");
  const double epsilon = 0.5 * std::sqrt(b.initial_gap / (2 * learning_rate * steps + 1 / (2 * b.curvature)));
  const double s = 2 * epsilon;
  const double q = firing_probability(s, b.sigma, b.tail);
  return make(b,
              ResistingFunction{.curvature = b.curvature,
                                .slope = s,
                                .spacing = learning_rate * s / q,
                                .cells = guarded_floor(2 * steps * q)},
              0.0, {.slope = s, .probability = q}, epsilon);
}

ScalarInstance sgd_instance(const InstanceBudget& b, double learning_rate, double steps) {
  validate(b, learning_rate);
  if (learning_rate >= 2 / b.curvature) return sgd_two_cycle(b, learning_rate);
  ScalarInstance drift = sgd_drift(b, learning_rate, steps);
  if (b.sigma == 0.0) return drift;
  ScalarInstance floor = sgd_noise_floor(b, learning_rate);
  return floor.resisted > drift.resisted ? floor : drift;
}

std::vector<ScalarInstance> sign_instances(double smoothness, double initial_gap, std::span<const double> sigma,
                                           double tail, double epsilon, double learning_rate, CellCount cells) {
  const double total = std::accumulate(sigma.begin(), sigma.end(), 0.0);
  std::vector<ScalarInstance> out;
  if (total == 0.0) {
    out.push_back(sign_instance({smoothness, initial_gap, 0.0, tail}, epsilon, learning_rate, cells));
    return out;
  }
  for (const double s : sigma) {
    if (s == 0.0) continue;
    const double share = s / total;
    out.push_back(
        sign_instance({smoothness * share, initial_gap * share, s, tail}, epsilon * share, learning_rate, cells));
  }
  return out;
}

AdaGradInstance adagrad_instance(double epsilon, double sigma, double learning_rate) {
  require(epsilon > 0 && epsilon < 1 / (16 * std::sqrt(2.0)), "epsilon", epsilon, "in (0, 1/(16 sqrt 2))");
  const InstanceBudget budget{.curvature = 1.0, .initial_gap = 1.0, .sigma = sigma, .tail = 2.0};
  validate(budget, learning_rate);
  const double s = 2 * epsilon;
  const double y = 1 / (128 * epsilon * epsilon);
  const std::int64_t n = guarded_floor(y * std::log(y));
  std::vector<double> points{0.0};
  for (std::int64_t k = 1; k < n; ++k)
    points.push_back(points.back() + learning_rate / std::sqrt(static_cast<double>(k)));
  const double q = firing_probability(s, sigma, 2.0);
  return {
      .instance = make(budget, GluedFunction(1.0, s, std::move(points)), 0.0, {.slope = s, .probability = q}, epsilon),
      .points = n,
      .steps = guarded_floor(0.5 * (1 + sigma * sigma / (s * s)) * y * std::log(y))};
}

}  // namespace normdescent::lab
