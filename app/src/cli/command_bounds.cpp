// SPDX-License-Identifier: Apache-2.0
// bounds: upper and lower bounds on samples, for given constants or for those that a probe measured.
#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "commands.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/theory/bounds_json.hpp"
#include "normdescent/theory/evaluate.hpp"
#include "normdescent/theory/evaluate_measured.hpp"
#include "option_checks.hpp"
#include "probe_file.hpp"

namespace normdescent::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// null for what a double cannot hold: its log10 stands beside it.
OrderedJson number(double value) { return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr); }

OrderedJson report_json(const BoundsQuery& query, const BoundsReport& report) {
  return OrderedJson::parse(to_json(query, report));
}

std::string count_text(double count, double log10_count) {
  return std::isfinite(count) ? significant(count) : "10^" + significant(log10_count, 4);
}

void print_report(const BoundsQuery& query, const BoundsReport& report, std::ostream& out) {
  out << report.method << ": E||grad f|| <= " << significant(query.epsilon) << " in " << report.stationarity << '\n';
  if (report.upper) {
    const Tuning& tuning = *report.upper;
    out << "  enough   " << count_text(tuning.samples, tuning.log10_samples)
        << " samples: " << count_text(tuning.run.steps, tuning.log10_steps) << " steps of "
        << significant(tuning.run.batch) << ", learning rate " << significant(tuning.run.learning_rate) << "   "
        << tuning.bound.source << '\n';
  } else {
    out << "  enough   unknown: " << report.upper_missing << '\n';
  }
  if (report.lower)
    out << "  needed   " << count_text(report.lower->value, report.lower->log10_value) << " samples   "
        << report.lower->source << '\n';
  else
    out << "  needed   unknown: " << report.lower_missing << '\n';
  for (const auto& bound : report.wider_lower)
    out << "           " << count_text(bound.value, bound.log10_value) << " samples   " << bound.source << '\n';
  if (report.speedup_over_sgd)
    out << "  over SGD " << significant(report.speedup_over_sgd->deterministic) << " without noise, "
        << significant(report.speedup_over_sgd->noise) << " on the noise term, "
        << significant(report.speedup_at_epsilon) << " here (worst cases)\n";
  for (const auto& flag : report.flags) out << "  note     " << flag.text << '\n';
}

int run_query(const BoundsQuery& query, bool json, Session& session) {
  const BoundsReport report = evaluate_bounds(query);
  if (json) {
    session.out << report_json(query, report) << '\n';
    return kDone;
  }
  print_report(query, report, session.out);
  session.out << "  assuming\n";
  for (const auto& assumption : report.assumptions)
    session.out << "    " << assumption.tag << (assumption.checked ? " (checked): " : ": ") << assumption.statement
                << '\n';
  return kDone;
}

int run_measured(const std::string& file, const MeasuredProblem& problem, const MeasuredTarget& target, bool json,
                 Session& session) {
  const MeasuredBounds bounds = evaluate_bounds(problem, target);
  if (!json) {
    for (const auto& entry : bounds.entries) {
      if (entry.report)
        print_report(entry.query, *entry.report, session.out);
      else
        session.out << entry.query.method << ": " << entry.refused << '\n';
    }
    return kDone;
  }
  OrderedJson document = {{"probe", file},
                          {"delta", problem.delta},
                          {"dimension", problem.dimension},
                          {"noise_density", problem.density},
                          {"tail", problem.tail},
                          {"bounds", OrderedJson::array()},
                          {"geometries", OrderedJson::array()}};
  for (const auto& entry : bounds.entries)
    document["bounds"].push_back(entry.report
                                     ? report_json(entry.query, *entry.report)
                                     : OrderedJson{{"method", entry.query.method}, {"refused", entry.refused}});
  for (const auto& cost : bounds.costs) {
    OrderedJson json_cost = {{"geometry", cost.geometry}, {"critical_batch", number(cost.critical_batch)}};
    if (cost.over_euclidean)
      json_cost["matched_accuracy_speedup"] = {{"deterministic", number(cost.over_euclidean->deterministic)},
                                               {"noise", number(cost.over_euclidean->noise)}};
    document["geometries"].push_back(json_cost);
  }
  session.out << document << '\n';
  return kDone;
}

struct Options {
  BoundsQuery query;
  MeasuredTarget target;
  std::string probe;
  bool json = false;
};

std::string method_names() {
  std::string names;
  for (const auto& method : bounds_methods()) names += (names.empty() ? "" : ", ") + std::string(method.name);
  return names;
}

}  // namespace

void add_bounds(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("bounds", "Upper and lower bounds on samples to reach a gradient norm");
  const auto options = std::make_shared<Options>();
  BoundsQuery& query = options->query;
  auto* const probe =
      command->add_option("--probe", options->probe, "All methods at what probe --json measured")->type_name("FILE");
  const auto constant = [&](const char* name, auto& value, const char* help) {
    return command->add_option(name, value, help)->type_name("X");
  };
  auto* const method = command->add_option("--method", query.method, "One of: " + method_names())->type_name("NAME");
  auto* const delta = constant("--delta", query.delta, "f(x_0) - inf f; with --probe the loss by default");
  auto* const smoothness = constant("--smoothness", query.smoothness, "L in the method's norm (sgd: l-infinity)");
  auto* const noise = constant("--noise", query.noise, "Noise scale of one sample (sgd: l1 norm of sigma)");
  auto* const epsilon = constant("--epsilon", query.epsilon, "Target for the gradient in the dual norm");
  constant("--tail", query.tail, "Moment p in (1, 2] that the noise has")->capture_default_str();
  constant("--batch", query.batch, "Samples per step; tuned or 1 by default");
  auto* const dimension = constant("--dimension", query.dimension, "Coordinates d (muon: r = min(m, n))");
  auto* const density = constant("--density", query.density, "Noise density phi in [1/d, 1]");
  auto* const hessian = constant("--hessian-smoothness", query.hessian_smoothness, "M, for the extrapolation methods");
  auto* const curvature_density =
      constant("--curvature-density", query.curvature_density, "||L||_1/(d max L_i) in [1/d, 1], for adagrad over sgd");
  auto* const alignment =
      constant("--alignment", query.alignment, "Cosine of sigma and sqrt(L) in [0, 1], for adagrad over sgd");
  auto* const curving =
      constant("--relative-smoothness", query.relative_smoothness, "L1 of (L0, L1)-smoothness, for signum");
  auto* const affine = constant("--relative-noise", query.relative_noise, "sigma_1 of affine noise, for signum");
  constant("--fraction", options->target.fraction, "With --probe: target as a share of the measured gradient norm")
      ->capture_default_str()
      ->needs(probe);
  add_json(*command, options->json);
  for (auto* option :
       {method, smoothness, noise, dimension, density, hessian, curvature_density, alignment, curving, affine})
    option->excludes(probe);

  command->callback([&chosen, options, probe, method, delta, smoothness, noise, epsilon] {
    if (probe->count() == 0) {
      for (const auto* option : {method, delta, smoothness, noise, epsilon})
        if (option->count() == 0) throw CLI::RequiredError(option->get_name());
      chosen = [options](Session& session) { return run_query(options->query, options->json, session); };
      return;
    }
    const bool has_delta = delta->count() > 0;
    if (epsilon->count() > 0) options->target.epsilon = options->query.epsilon;
    options->target.batch = options->query.batch;
    chosen = [options, has_delta](Session& session) {
      MeasuredProblem problem = read_probe_file(options->probe);
      if (has_delta) problem.delta = options->query.delta;
      problem.tail = options->query.tail;
      return run_measured(options->probe, problem, options->target, options->json, session);
    };
  });
}

}  // namespace normdescent::cli
