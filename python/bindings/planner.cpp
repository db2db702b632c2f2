// SPDX-License-Identifier: Apache-2.0
// The planner and the policy: plain dictionaries in and out, no tensors.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/nearest_name.hpp"
#include "normdescent/race/planner.hpp"

namespace nb = nanobind;

namespace normdescent::python {

namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// Keys that nobody reads are slips: refused with the nearest one that exists.
void refuse_unknown_keys(const nb::dict& dict, const std::string& what, const std::vector<std::string>& known) {
  for (const auto& [key, value] : dict) {
    const auto name = nb::cast<std::string>(key);
    bool is_known = false;
    for (const std::string& other : known) is_known = is_known || other == name;
    if (is_known) continue;
    const auto nearest = nearest_name(name, known);
    throw std::invalid_argument(what + " has no key " + name + (nearest ? "; did you mean " + *nearest + "?" : ""));
  }
}

/// dict[key], or `missing` where it is not there or None.
template <class T>
T get(const nb::dict& dict, const char* key, const T& missing) {
  if (!dict.contains(key)) return missing;
  const nb::object value = dict[key];
  if (value.is_none()) return missing;
  try {
    return nb::cast<T>(value);
  } catch (const nb::cast_error&) {
    throw nb::type_error((std::string(key) + " has the wrong type: " + nb::repr(value).c_str()).c_str());
  }
}

template <class T>
T need(const nb::dict& dict, const std::string& what, const char* key) {
  if (!dict.contains(key)) throw std::invalid_argument(what + " has no key " + key + ", which it must have");
  return get<T>(dict, key, T{});
}

Candidate candidate_of(const nb::dict& dict) {
  refuse_unknown_keys(dict, "a candidate", {"name", "kind", "lr", "rates_fixed"});
  Candidate candidate;
  candidate.name = need<std::string>(dict, "a candidate", "name");
  candidate.kind = get<std::string>(dict, "kind", "custom");
  const double rate = get<double>(dict, "lr", kNotANumber);
  if (!std::isnan(rate)) candidate.learning_rate = rate;
  candidate.rate_is_fixed = get<bool>(dict, "rates_fixed", false);
  return candidate;
}

std::vector<Candidate> candidates_of(const nb::list& list) {
  std::vector<Candidate> candidates;
  for (const nb::handle item : list) candidates.push_back(candidate_of(nb::cast<nb::dict>(item)));
  return candidates;
}

Features features_of(const nb::dict& dict) {
  Features features;
  for (const auto& [key, value] : dict)
    features[nb::cast<std::string>(key)] = value.is_none() ? kNotANumber : nb::cast<double>(value);
  return features;
}

PlannerOptions options_of(const nb::dict& dict) {
  refuse_unknown_keys(
      dict, "options",
      {"steps", "budget_runs", "spent_runs", "seed", "objective", "baseline", "features", "validation_batches",
       "accumulate", "final_seeds", "search_seeds", "max_rates", "grid_factor", "curve_points", "policy"});
  PlannerOptions options;
  options.steps = need<std::int64_t>(dict, "options", "steps");
  options.budget_runs = get<double>(dict, "budget_runs", options.budget_runs);
  options.spent_runs = get<double>(dict, "spent_runs", options.spent_runs);
  options.seed = get<std::uint64_t>(dict, "seed", options.seed);
  options.objective = plan_objective(get<std::string>(dict, "objective", "auto"));
  options.baseline = get<std::string>(dict, "baseline", "");
  options.features = features_of(get<nb::dict>(dict, "features", nb::dict()));
  options.validation_batches = get<int>(dict, "validation_batches", options.validation_batches);
  options.accumulate = get<int>(dict, "accumulate", options.accumulate);
  options.final_seeds = get<int>(dict, "final_seeds", options.final_seeds);
  options.search_seeds = get<int>(dict, "search_seeds", options.search_seeds);
  options.max_rates = get<int>(dict, "max_rates", options.max_rates);
  options.grid_factor = get<double>(dict, "grid_factor", options.grid_factor);
  options.curve_points = get<int>(dict, "curve_points", options.curve_points);
  return options;
}

Policy policy_of(const nb::dict& options) {
  const auto text = get<std::string>(options, "policy", "");
  return text.empty() ? shipped_policy() : Policy::parse(text);
}

RunResult result_of(const nb::dict& dict) {
  refuse_unknown_keys(dict, "a result",
                      {"status", "first_loss", "final_loss", "curve", "train_loss", "seconds_per_step", "gradients",
                       "validation_batches"});
  RunResult result;
  const auto status = need<std::string>(dict, "a result", "status");
  if (status != "completed" && status != "diverged")
    throw std::invalid_argument("status = " + status + ", must be completed or diverged");
  result.diverged = status == "diverged";
  result.first_loss = get<double>(dict, "first_loss", kNotANumber);
  result.final_loss = get<double>(dict, "final_loss", kNotANumber);
  if (dict.contains("curve")) {
    const nb::object curve = dict["curve"];
    if (!curve.is_none()) {
      for (const nb::handle point : curve) {
        const nb::object step = point[0];
        const nb::object loss = point[1];
        result.curve_steps.push_back(nb::cast<double>(step));
        result.curve_losses.push_back(loss.is_none() ? kNotANumber : nb::cast<double>(loss));
      }
    }
  }
  result.train_loss = get<double>(dict, "train_loss", kNotANumber);
  result.seconds_per_step = get<double>(dict, "seconds_per_step", 0.0);
  result.gradients = get<std::int64_t>(dict, "gradients", 0);
  result.validation_batches = get<std::int64_t>(dict, "validation_batches", 0);
  return result;
}

nb::dict dict_of(const PlannedRun& run) {
  nb::dict dict;
  dict["id"] = run.id;
  dict["candidate"] = run.candidate;
  dict["lr"] = run.learning_rate;
  dict["steps"] = run.steps;
  dict["evaluations"] = run.evaluations;
  dict["seed"] = run.seed;
  dict["purpose"] = to_string(run.purpose);
  return dict;
}

nb::object dict_of(const std::optional<Speedup>& speedup) {
  if (!speedup) return nb::none();
  nb::dict dict;
  dict["value"] = speedup->value;
  dict["low"] = speedup->low;
  dict["high"] = speedup->high;
  dict["level"] = speedup->level;
  dict["basis"] = speedup->basis;
  return dict;
}

/// None stands for what is not finite: JSON has no infinity.
nb::object finite_or_none(double value) {
  if (!std::isfinite(value)) return nb::none();
  return nb::float_(value);
}

nb::dict dict_of(const Decision& decision) {
  nb::dict candidates;
  for (const CandidateDecision& candidate : decision.candidates) {
    nb::dict row;
    row["lr"] = candidate.learning_rate;
    row["lr_low"] = candidate.learning_rate_low;
    row["lr_high"] = candidate.learning_rate_high;
    row["speedup_steps"] = dict_of(candidate.speedup_steps);
    row["speedup_time"] = dict_of(candidate.speedup_time);
    row["seconds_per_step"] =
        finite_or_none(candidate.seconds_per_step > 0.0 ? candidate.seconds_per_step : kNotANumber);
    row["probability_best"] = candidate.probability_best;
    row["expected_regret"] = finite_or_none(candidate.expected_regret);
    row["expected_regret_time"] = finite_or_none(candidate.expected_regret_time);
    row["diverged"] = candidate.diverged;
    row["runs"] = candidate.runs;
    candidates[candidate.name.c_str()] = row;
  }
  nb::dict by_default;
  by_default["choice"] = decision.default_choice.name;
  by_default["lr"] = decision.default_choice.learning_rate;
  nb::dict dict;
  dict["choice"] = decision.choice.name;
  dict["lr"] = decision.choice.learning_rate;
  dict["choice_in_steps"] = decision.choice_in_steps;
  dict["choice_in_time"] = decision.choice_in_time;
  dict["winner"] = decision.winner;
  dict["candidates"] = candidates;
  dict["reasons"] = decision.reasons;
  dict["expected_gain_of_more"] = decision.expected_gain_of_more;
  dict["default"] = by_default;
  return dict;
}

std::uint64_t derived_seed(std::uint64_t seed, const std::string& purpose, std::uint64_t index) {
  constexpr std::array kPurposes{std::pair{"probe", Purpose::probe},       std::pair{"pilot", Purpose::pilot},
                                 std::pair{"short", Purpose::short_run},   std::pair{"search", Purpose::search_run},
                                 std::pair{"final", Purpose::final_run},   std::pair{"noise", Purpose::noise},
                                 std::pair{"examples", Purpose::examples}, std::pair{"decision", Purpose::decision}};
  for (const auto& [name, value] : kPurposes) {
    if (purpose == name) return derive_seed(seed, value, index);
  }
  throw std::invalid_argument("purpose = " + purpose +
                              ", must be probe, pilot, short, search, final, noise, examples or decision");
}

}  // namespace

void bind_planner(nb::module_& m) {
  nb::class_<Planner>(
      m, "Planner",
      "Says which runs are wanted next, takes their results in any order, and decides.\n\n"
      "candidates: dicts of name, kind (the catalog's name, or 'custom'), lr (or None), rates_fixed.\n"
      "options: dict of steps, budget_runs (inf: the full race), spent_runs, seed, objective ('auto',\n"
      "'steps', 'time'), baseline, features, validation_batches (of one validation), accumulate, and of\n"
      "the full race final_seeds, search_seeds, max_rates, grid_factor, curve_points; policy: text of a\n"
      "policy file instead of the shipped one.")
      .def(
          "__init__",
          [](Planner* self, const nb::list& candidates, const nb::dict& options) {
            new (self) Planner(candidates_of(candidates), options_of(options), policy_of(options));
          },
          nb::arg("candidates"), nb::arg("options"))
      .def(
          "ask",
          [](Planner& self, int limit) {
            nb::list runs;
            for (const PlannedRun& run : self.ask(limit)) runs.append(dict_of(run));
            return runs;
          },
          nb::arg("limit") = 1,
          "At most `limit` runs that can start now: dicts of id, candidate, lr, steps (with a schedule of their own),\n"
          "evaluations (the first before the first step, the last after the last one), seed, purpose.")
      .def(
          "tell", [](Planner& self, std::int64_t id, const nb::dict& result) { self.tell(id, result_of(result)); },
          nb::arg("id"), nb::arg("result"), "What became of a run; ValueError if it is not under way.")
      .def("lost", &Planner::lost, nb::arg("id"), "The run will give no result; it is asked for again.")
      .def_prop_ro("done", &Planner::done)
      .def_prop_ro("cost_runs", &Planner::cost_runs, "Cost of the results so far, in runs of the user's.")
      .def_prop_ro("runs_done", &Planner::runs_done)
      .def_prop_ro("runs_planned", &Planner::runs_planned, "Runs done and to come, as far as they are known.")
      .def(
          "decision", [](const Planner& self) { return dict_of(self.decision()); }, "From the results so far.")
      .def("set_budget", &Planner::set_budget, nb::arg("budget_runs"),
           "Goes on with another budget and all results so far; no run may be under way.")
      .def("state", &Planner::state, "JSON text from which from_state goes on.")
      .def_static(
          "from_state", [](const std::string& state) { return Planner::from_state(state); }, nb::arg("state"),
          "A planner that goes on; runs that were under way are asked for again.");
  m.def(
      "suggest",
      [](const nb::dict& features, std::int64_t steps, std::int64_t batch_size,
         const std::optional<nb::list>& candidates) {
        const std::vector<Candidate> field = candidates ? candidates_of(*candidates) : default_candidates();
        return dict_of(suggest(field, features_of(features), steps, batch_size));
      },
      nb::arg("features"), nb::arg("steps"), nb::arg("batch_size"), nb::arg("candidates") = nb::none(),
      "The choice without any run, as a decision.");
  m.def("derive_seed", &derived_seed, nb::arg("seed"), nb::arg("purpose"), nb::arg("index") = 0,
        "A seed below 2**32, of its own for each purpose.");
  m.def(
      "policy_text", [] { return shipped_policy().text(); }, "The policy file that the library was built with.");
}

}  // namespace normdescent::python
