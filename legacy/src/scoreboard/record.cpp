// SPDX-License-Identifier: Apache-2.0
#include "normdescent/scoreboard/record.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_depth.hpp"
#include "probe_json.hpp"

namespace normdescent {

namespace {

using Json = nlohmann::json;
using scoreboard_detail::number_at;

constexpr double kLossOverGradient = 1.0 / 3.0;  // a forward pass alone, of a forward and a backward pass

Json cost_json(const Cost& cost) {
  return {{"gradient_examples", cost.gradient_examples},
          {"loss_examples", cost.loss_examples},
          {"validations", cost.validations},
          {"seconds", cost.seconds}};
}

Cost cost_from(const Json& json) {
  return {json.at("gradient_examples"), json.at("loss_examples"), json.at("validations"), number_at(json, "seconds")};
}

Json run_json(const RunRecord& run) {
  Json steps = Json::array();
  Json train = Json::array();
  Json validation = Json::array();
  for (const CurvePoint& point : run.curve) {
    steps.push_back(point.step);
    train.push_back(point.train_loss);
    validation.push_back(point.validation_loss);
  }
  return {{"learning_rate", run.learning_rate}, {"seed", run.seed},         {"is_final", run.is_final},
          {"status", to_string(run.status)},    {"is_stuck", run.is_stuck}, {"first_loss", run.first_loss},
          {"final_loss", run.final_loss},       {"steps", steps},           {"train_losses", train},
          {"validation_losses", validation}};
}

double number_or(const Json& json, double missing) { return json.is_null() ? missing : json.get<double>(); }

RunRecord run_from(const Json& json, const std::string& contestant) {
  RunRecord run{.contestant = contestant,
                .learning_rate = json.at("learning_rate"),
                .seed = json.at("seed"),
                .is_final = json.at("is_final"),
                .is_stuck = json.at("is_stuck"),
                .reason = {},
                .curve = {},
                .first_loss = number_at(json, "first_loss", kNaN)};
  const bool completed = json.at("status") == to_string(RunStatus::completed);
  run.status = completed ? RunStatus::completed : RunStatus::diverged;
  run.final_loss = completed ? number_at(json, "final_loss", kNaN) : kInfinity;
  const Json& steps = json.at("steps");
  for (std::size_t i = 0; i < steps.size(); ++i) {  // at() checks: the lists may be of other lengths
    run.curve.push_back({.step = steps.at(i),
                         .train_loss = number_or(json.at("train_losses").at(i), kNaN),
                         .validation_loss = number_or(json.at("validation_losses").at(i), kNaN)});
  }
  return run;
}

Json evidence_json(const Evidence& evidence) {
  Json runs = Json::array();
  for (const ShortRun& run : evidence.short_runs) {
    Json trials = Json::array();
    for (const ShortTrial& trial : run.trials)
      trials.push_back(
          {{"steps", trial.steps}, {"learning_rate", trial.learning_rate}, {"final_loss", trial.final_loss}});
    runs.push_back({{"optimizer", run.optimizer},
                    {"learning_rate", run.learning_rate},
                    {"steps", run.steps},
                    {"losses", run.losses},
                    {"trials", trials}});
  }
  return {
      {"probe", Json::parse(evidence.probe.to_json())}, {"short_steps", evidence.short_steps}, {"short_race", runs}};
}

Evidence evidence_from(const Json& json) {
  Evidence evidence;
  evidence.probe = scoreboard_detail::probe_from_json(json.at("probe"));
  evidence.short_steps = json.at("short_steps");
  for (const Json& item : json.at("short_race")) {
    ShortRun run{.optimizer = item.at("optimizer"),
                 .learning_rate = item.at("learning_rate"),
                 .steps = item.at("steps").get<std::vector<double>>(),
                 .losses = item.at("losses").get<std::vector<double>>(),
                 .trials = {}};
    for (const Json& trial : item.at("trials"))
      run.trials.push_back({trial.at("steps"), trial.at("learning_rate"), number_at(trial, "final_loss", kInfinity)});
    evidence.short_runs.push_back(std::move(run));
  }
  return evidence;
}

RaceResult race_from(const Json& json) {
  RaceResult race;
  race.reference = json.at("reference");
  if (json.at("winner").is_string()) race.winner = json.at("winner").get<std::string>();
  race.winner_z = number_at(json, "winner_z");
  for (const Json& item : json.at("measured")) {
    ContestantResult contestant{.name = item.at("optimizer"),
                                .learning_rate = item.at("learning_rate"),
                                .best_rate_is_interior = item.at("best_rate_is_interior"),
                                .search = {},
                                .finals = {},
                                .final_loss = number_at(item, "final_loss", kInfinity),
                                .final_loss_se = number_at(item, "final_loss_se", kNaN),
                                .diverged = item.at("diverged"),
                                .speedup = {},
                                .is_inside_noise_of_best = item.at("is_inside_noise_of_best")};
    for (const Json& run : item.at("runs")) {
      auto& runs = run.at("is_final").get<bool>() ? contestant.finals : contestant.search;
      runs.push_back(run_from(run, contestant.name));
    }
    race.contestants.push_back(std::move(contestant));
  }
  return race;
}

// Reads a file by `use`; what is no JSON, or lacks a key, is said with the file's name.
template <class Use>
auto parsed(const std::filesystem::path& path, const std::string& text, Use use) {
  if (json_nests_too_deep(text)) throw UserError(path.string() + " is no file of a scoreboard: it nests too deep");
  try {
    return use(Json::parse(text));
  } catch (const Json::exception& error) {
    throw UserError(path.string() + " is no file of a scoreboard: " + error.what(),
                    "remove that problem's folder to run it again");
  }
}

}  // namespace

double Cost::work() const {
  return static_cast<double>(gradient_examples) + kLossOverGradient * static_cast<double>(loss_examples);
}

std::string evidence_text(const ProblemRecord& record) {
  const Json json = {{"problem", record.problem},
                     {"family", record.family},
                     {"steps", record.plan.steps},
                     {"batch", record.plan.batch_size},
                     {"evidence", evidence_json(record.evidence)},
                     {"cost", cost_json(record.evidence_cost)}};
  return json.dump() + "\n";
}

std::string race_text(const ProblemRecord& record, std::string_view prediction_hash) {
  Json measured = Json::array();
  for (const ContestantResult& c : record.race.contestants) {
    Json runs = Json::array();
    for (const RunRecord& run : c.search) runs.push_back(run_json(run));
    for (const RunRecord& run : c.finals) runs.push_back(run_json(run));
    measured.push_back({{"optimizer", c.name},
                        {"learning_rate", c.learning_rate},
                        {"best_rate_is_interior", c.best_rate_is_interior},
                        {"final_loss", c.final_loss},
                        {"final_loss_se", c.final_loss_se},
                        {"speedup_vs_sgd", c.speedup ? Json(c.speedup->value) : Json(nullptr)},
                        {"low", c.speedup ? Json(c.speedup->low) : Json(nullptr)},
                        {"high", c.speedup ? Json(c.speedup->high) : Json(nullptr)},
                        {"diverged", c.diverged},
                        {"is_inside_noise_of_best", c.is_inside_noise_of_best},
                        {"runs", runs}});
  }
  const Json json = {{"problem", record.problem},
                     {"prediction_hash", prediction_hash},
                     {"reference", record.race.reference},
                     {"winner", record.race.winner ? Json(*record.race.winner) : Json(nullptr)},
                     {"winner_z", record.race.winner_z},
                     {"cost", cost_json(record.race_cost)},
                     {"measured", measured}};
  return json.dump() + "\n";
}

std::string hash_of(std::string_view text) {
  return hash_text(hash_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
}

std::string sealed(const std::string& content) {
  const Json json = Json::parse(content);
  const Json result = {{"hash", hash_of(json.dump())}, {"content", json}};
  return result.dump() + "\n";
}

std::string unsealed(const std::string& text, const std::filesystem::path& path) {
  return parsed(path, text, [&](const Json& json) {
    std::string content = json.at("content").dump();
    if (json.at("hash") != hash_of(content))
      throw UserError(path.string() + " was changed after it was written: its hash does not match",
                      "remove that problem's folder to predict and race it again");
    return content;
  });
}

ProblemRecord read_evidence(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kEvidenceFile;
  return parsed(path, read_text(path), [](const Json& json) {
    ProblemRecord record;
    record.problem = json.at("problem");
    record.family = json.at("family");
    record.plan = {.steps = json.at("steps"), .batch_size = json.at("batch")};
    record.evidence = evidence_from(json.at("evidence"));
    record.evidence_cost = cost_from(json.at("cost"));
    return record;
  });
}

std::optional<ProblemRecord> read_record(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / kRaceFile)) return std::nullopt;
  ProblemRecord record = read_evidence(folder);
  const std::filesystem::path prediction_path = folder / kPredictionFile;
  const std::string prediction = read_text(prediction_path);
  parsed(prediction_path, unsealed(prediction, prediction_path), [&](const Json& json) {
    if (json.at("evidence_hash") != hash_of(read_text(folder / kEvidenceFile)))
      throw UserError((folder / kEvidenceFile).string() + " is not the evidence that " + prediction_path.string() +
                      " was made from: its hash does not match");
    return 0;
  });
  const std::filesystem::path race_path = folder / kRaceFile;
  parsed(race_path, read_text(race_path), [&](const Json& json) {
    if (json.at("prediction_hash") != hash_of(prediction))
      throw UserError(prediction_path.string() + " is not the prediction that " + race_path.string() +
                      " was run after: its hash does not match");
    record.race = race_from(json);
    record.race_cost = cost_from(json.at("cost"));
    return 0;
  });
  return record;
}

}  // namespace normdescent
