// SPDX-License-Identifier: Apache-2.0
#include "planner_state.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"

namespace normdescent {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr const char* kKind = "normdescent planner";

/// JSON has no infinity and no NaN: +infinity, where it can occur, is null; so is NaN elsewhere.
Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
double number_or(const Json& json, double missing) { return json.is_null() ? missing : json.get<double>(); }

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(finite_or_null(value));
  return list;
}
std::vector<double> numbers(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list) values.push_back(number_or(value, kNaN));
  return values;
}

Json json_of(const Candidate& candidate) {
  return {{"name", candidate.name},
          {"kind", candidate.kind},
          {"lr", candidate.learning_rate ? Json(*candidate.learning_rate) : Json(nullptr)},
          {"rates_fixed", candidate.rate_is_fixed}};
}

Candidate candidate_of(const Json& json) {
  Candidate candidate{.name = json.at("name").get<std::string>(),
                      .kind = json.at("kind").get<std::string>(),
                      .learning_rate = {},
                      .rate_is_fixed = json.at("rates_fixed").get<bool>()};
  if (!json.at("lr").is_null()) candidate.learning_rate = json.at("lr").get<double>();
  return candidate;
}

Json json_of(const PlannerOptions& options) {
  Json features = Json::object();
  for (const auto& [name, value] : options.features) features[name] = finite_or_null(value);
  return {{"steps", options.steps},
          {"budget_runs", finite_or_null(options.budget_runs)},
          {"spent_runs", options.spent_runs},
          {"seed", options.seed},
          {"objective", to_string(options.objective)},
          {"baseline", options.baseline},
          {"features", features},
          {"validation_batches", options.validation_batches},
          {"accumulate", options.accumulate},
          {"final_seeds", options.final_seeds},
          {"search_seeds", options.search_seeds},
          {"max_rates", options.max_rates},
          {"grid_factor", options.grid_factor},
          {"curve_points", options.curve_points}};
}

PlannerOptions options_of(const Json& json) {
  PlannerOptions options{.steps = json.at("steps").get<std::int64_t>(),
                         .budget_runs = number_or(json.at("budget_runs"), kInfinity),
                         .spent_runs = json.at("spent_runs").get<double>(),
                         .seed = json.at("seed").get<std::uint64_t>(),
                         .objective = plan_objective(json.at("objective").get<std::string>()),
                         .baseline = json.at("baseline").get<std::string>(),
                         .features = {},
                         .validation_batches = json.at("validation_batches").get<int>(),
                         .accumulate = json.at("accumulate").get<int>(),
                         .final_seeds = json.at("final_seeds").get<int>(),
                         .search_seeds = json.at("search_seeds").get<int>(),
                         .max_rates = json.at("max_rates").get<int>(),
                         .grid_factor = json.at("grid_factor").get<double>(),
                         .curve_points = json.at("curve_points").get<int>()};
  for (const auto& [name, value] : json.at("features").items()) options.features[name] = number_or(value, kNaN);
  return options;
}

RunPurpose purpose_of(const std::string& text) {
  for (const auto purpose :
       {RunPurpose::short_run, RunPurpose::long_run, RunPurpose::final_run, RunPurpose::baseline}) {
    if (text == to_string(purpose)) return purpose;
  }
  throw std::invalid_argument("no purpose " + text);
}

Json json_of(const RunResult& result) {
  return {{"diverged", result.diverged},
          {"first_loss", finite_or_null(result.first_loss)},
          {"final_loss", finite_or_null(result.final_loss)},
          {"curve_steps", numbers(result.curve_steps)},
          {"curve_losses", numbers(result.curve_losses)},
          {"train_loss", finite_or_null(result.train_loss)},
          {"seconds_per_step", result.seconds_per_step},
          {"gradients", result.gradients},
          {"validation_batches", result.validation_batches}};
}

RunResult result_of(const Json& json) {
  return {.diverged = json.at("diverged").get<bool>(),
          .first_loss = number_or(json.at("first_loss"), kNaN),
          .final_loss = number_or(json.at("final_loss"), kInfinity),
          .curve_steps = numbers(json.at("curve_steps")),
          .curve_losses = numbers(json.at("curve_losses")),
          .train_loss = number_or(json.at("train_loss"), kNaN),
          .seconds_per_step = json.at("seconds_per_step").get<double>(),
          .gradients = json.at("gradients").get<std::int64_t>(),
          .validation_batches = json.at("validation_batches").get<std::int64_t>()};
}

Json json_of(const PlanEntry& entry) {
  Json json{{"id", entry.run.id},
            {"candidate", entry.run.candidate},
            {"lr", entry.run.learning_rate},
            {"steps", entry.run.steps},
            {"evaluations", entry.run.evaluations},
            {"seed", entry.run.seed},
            {"purpose", to_string(entry.run.purpose)},
            {"search", entry.is_search},
            {"exponent", entry.exponent},
            {"number", entry.number}};
  if (entry.state == PlanEntry::State::told) json["result"] = json_of(entry.result);
  return json;
}

PlanEntry entry_of(const Json& json, const Field& field) {
  PlanEntry entry{.run = {.id = json.at("id").get<std::int64_t>(),
                          .candidate = json.at("candidate").get<std::string>(),
                          .learning_rate = json.at("lr").get<double>(),
                          .steps = json.at("steps").get<std::int64_t>(),
                          .evaluations = json.at("evaluations").get<int>(),
                          .seed = json.at("seed").get<std::uint64_t>(),
                          .purpose = purpose_of(json.at("purpose").get<std::string>())},
                  .candidate = field.index(json.at("candidate").get<std::string>()),
                  .is_search = json.at("search").get<bool>(),
                  .exponent = json.at("exponent").get<int>(),
                  .number = json.at("number").get<int>(),
                  .result = {}};
  if (!(entry.run.steps >= 1 && entry.run.learning_rate > 0.0)) throw std::invalid_argument("a run without steps");
  if (json.contains("result")) {
    entry.state = PlanEntry::State::told;
    entry.result = result_of(json.at("result"));
  }
  return entry;
}

}  // namespace

std::string planner_state(const Plan& plan) {
  Json candidates = Json::array();
  for (const Candidate& candidate : plan.field.candidates()) candidates.push_back(json_of(candidate));
  Json runs = Json::array();
  for (const PlanEntry& entry : plan.entries) runs.push_back(json_of(entry));
  return Json{{"kind", kKind},
              {"version", kVersion},
              {"candidates", candidates},
              {"options", json_of(plan.options)},
              {"policy", plan.policy.text()},
              {"runs", runs}}
      .dump();
}

Plan plan_from_state(std::string_view text, MakePlan make_plan) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object() || json.value("kind", "") != kKind)
      throw std::invalid_argument("it is no state of a planner");
    if (json.at("version").get<int>() != kVersion)
      throw std::invalid_argument("it has version " + std::to_string(json.at("version").get<int>()) + ", must be " +
                                  std::to_string(kVersion));
    std::vector<Candidate> candidates;
    for (const Json& candidate : json.at("candidates")) candidates.push_back(candidate_of(candidate));
    Plan plan = make_plan(std::move(candidates), options_of(json.at("options")),
                          Policy::parse(json.at("policy").get<std::string>()));
    for (const Json& run : json.at("runs")) plan.entries.push_back(entry_of(run, plan.field));
    std::ranges::sort(plan.entries, {}, [](const PlanEntry& e) { return e.run.id; });
    for (std::size_t i = 1; i < plan.entries.size(); ++i) {
      if (plan.entries[i].run.id == plan.entries[i - 1].run.id)
        throw std::invalid_argument("run " + std::to_string(plan.entries[i].run.id) + " is there twice");
    }
    return plan;
  } catch (const Json::exception& error) {
    throw std::invalid_argument(std::string("state of the planner: ") + error.what());
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("state of the planner: ") + error.what());
  }
}

}  // namespace normdescent
