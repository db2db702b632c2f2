// SPDX-License-Identifier: Apache-2.0
// result.json of compare. Numbers that do not exist are null: the JSON library writes null for what is not finite.
#include <map>
#include <nlohmann/json.hpp>

#include "normdescent/base/text.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/compare/compare.hpp"

namespace normdescent {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson learning_rates_json(const ContestantResult& contestant) {
  struct Rate {
    OrderedJson final_losses = OrderedJson::array();
    int diverged = 0;
  };
  std::map<double, Rate> rates;
  for (const auto& run : contestant.search) {
    Rate& rate = rates[run.learning_rate];
    if (run.status == RunStatus::completed) rate.final_losses.push_back(run.final_loss);
    if (run.status == RunStatus::diverged) ++rate.diverged;
  }
  OrderedJson json = OrderedJson::array();
  for (auto& [learning_rate, rate] : rates)
    json.push_back(
        {{"learning_rate", learning_rate}, {"final_losses", rate.final_losses}, {"diverged", rate.diverged}});
  return json;
}

OrderedJson curves_json(const ContestantResult& contestant) {
  OrderedJson curves = OrderedJson::array();
  for (const auto& run : contestant.finals) {
    OrderedJson points = OrderedJson::array();
    for (const auto& point : run.curve) {
      points.push_back(
          {{"step", point.step},
           {"train_loss", point.train_loss},
           {"validation_loss", point.validation_loss},
           {"noise_density", point.noise_density < 0.0 ? OrderedJson(nullptr) : OrderedJson(point.noise_density)}});
    }
    curves.push_back(
        {{"seed", run.seed}, {"status", to_string(run.status)}, {"is_stuck", run.is_stuck}, {"points", points}});
  }
  return curves;
}

OrderedJson interval_json(const std::optional<SpeedupInterval>& interval) {
  if (!interval) return nullptr;
  return {{"value", interval->value}, {"low", interval->low}, {"high", interval->high}};
}

/// {"adamw": {"steps": {"value", "low", "high"} or null, "time": ...}, ...}
OrderedJson speedups_json(const ContestantResult& contestant) {
  OrderedJson json = OrderedJson::object();
  for (const SpeedupOver& over : contestant.speedups)
    json[over.baseline] = {{"steps", interval_json(over.steps)}, {"time", interval_json(over.time)}};
  return json;
}

OrderedJson measured_json(const RaceResult& race) {
  OrderedJson measured = OrderedJson::array();
  for (const auto& contestant : race.contestants) {
    const auto speedup = [&](double SpeedupInterval::*part) {
      return contestant.speedup ? OrderedJson((*contestant.speedup).*part) : OrderedJson(nullptr);
    };
    measured.push_back(
        {{"optimizer", contestant.name},
         {"learning_rate", contestant.learning_rate},
         {"final_loss", contestant.final_loss},
         {"final_loss_se", contestant.final_loss_se},
         {"speedup_vs_sgd", speedup(&SpeedupInterval::value)},
         {"low", speedup(&SpeedupInterval::low)},
         {"high", speedup(&SpeedupInterval::high)},
         {"speedups", speedups_json(contestant)},
         {"seconds_per_step",
          contestant.seconds_per_step > 0.0 ? OrderedJson(contestant.seconds_per_step) : OrderedJson(nullptr)},
         {"state_bytes", contestant.state_bytes},
         {"diverged", contestant.diverged},
         {"best_rate_is_interior", contestant.best_rate_is_interior},
         {"is_inside_noise_of_best", contestant.is_inside_noise_of_best},
         {"learning_rates", learning_rates_json(contestant)},
         {"curves", curves_json(contestant)}});
  }
  return measured;
}

void merge(OrderedJson& json, const std::string& object) { json.update(OrderedJson::parse(object)); }

}  // namespace

std::string result_json(const CompareResult& result, const TaskDescription& task, const CompareOptions& options) {
  OrderedJson json = {
      {"version", kVersion},  {"command", "compare"},       {"command_line", utf8_text(task.command_line)},
      {"seed", options.seed}, {"threads", options.threads}, {"complete", result.is_complete}};
  json["task"] = {{"kind", task.kind},
                  {"data", utf8_text(task.data)},
                  {"data_hash", task.data_hash},
                  {"model", utf8_text(task.model)},
                  {"parameters", result.probe.dimension},
                  {"batch", task.batch},
                  {"context", task.context},
                  {"steps", options.race.steps}};
  if (result.probe.status != ProbeStatus::not_run) {
    merge(json, result.probe.to_json());
    json.erase("status");
    json.erase("reason");
  }
  json["prediction"] = OrderedJson::array();
  json["decided_by"] = nullptr;
  if (!result.prediction.optimizers.empty()) merge(json, result.prediction.to_json());
  json["reference"] = result.race.reference;
  json["measured"] = measured_json(result.race);
  json["winner"] = result.race.winner ? OrderedJson(*result.race.winner) : OrderedJson(nullptr);
  json["winner_z"] = result.race.winner_z;
  json["prediction_was_right"] =
      result.prediction_was_right ? OrderedJson(*result.prediction_was_right) : OrderedJson(nullptr);
  json["verdict"] = result.verdict;
  json["seconds"] = {{"probe", result.probe_seconds}, {"race", result.race_seconds}, {"total", result.total_seconds}};
  return json.dump(1) + "\n";
}

}  // namespace normdescent
