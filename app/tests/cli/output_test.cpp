// SPDX-License-Identifier: Apache-2.0
// The numbers of a known result, read back from JSON, page and terminal: keys alone would hide a swap.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "contracts.hpp"
#include "normdescent/compare/compare.hpp"
#include "normdescent/report/report.hpp"
#include "prediction_text.hpp"

namespace normdescent::cli {
namespace {

using Json = nlohmann::json;

// Every number is another one, so that none can stand for its neighbour.
CompareResult known_result() {
  SpeedupPrediction muon{.optimizer = "muon",
                         .speedup_vs_sgd = 2.0,
                         .low = 1.0,
                         .high = 4.0,
                         .probability_best = 0.37,
                         .decided_by = "density",
                         .because = "noise",
                         .opinions = {{.model = "density", .weight = 0.75, .speedup = 3.5}},
                         .over_adamw = PredictedRange{.value = 1.25, .low = 1.125, .high = 1.5},
                         .learning_rate = PredictedRange{.value = 0.02, .low = 0.01, .high = 0.05}};
  RunRecord final_run{.contestant = "muon",
                      .learning_rate = 0.03,
                      .seed = 17,
                      .is_final = true,
                      .status = RunStatus::completed,
                      .reason = "",
                      .curve = {{.step = 5, .train_loss = 2.75, .validation_loss = 2.625, .noise_density = 0.625}},
                      .first_loss = 5.5,
                      .final_loss = 2.5};
  RunRecord searched = final_run;
  searched.is_final = false;
  searched.learning_rate = 0.06;
  searched.final_loss = 2.9375;
  RunRecord lost = searched;
  lost.status = RunStatus::diverged;
  ContestantResult contestant{.name = "muon",
                              .learning_rate = 0.03,
                              .best_rate_is_interior = true,
                              .search = {searched, lost},
                              .finals = {final_run},
                              .final_loss = 2.5,
                              .final_loss_se = 0.0625,
                              .diverged = false,
                              .speedup = SpeedupInterval{.value = 4.0, .low = 2.0, .high = 16.0},
                              .is_inside_noise_of_best = true};
  CompareResult result;
  result.prediction.optimizers = {muon};
  result.prediction.favourite = "muon";
  result.prediction.decided_by = "the noise decides";
  result.prediction.is_calibrated = true;
  result.prediction.batch_curve = {{.batch_size = 32.0, .speedups = {1.75}}};
  result.race.contestants = {contestant};
  result.race.reference = "sgd";
  result.race.winner = "muon";
  result.race.winner_z = 3.25;
  result.is_complete = true;
  result.prediction_was_right = true;
  result.verdict = "muon wins";
  result.probe_seconds = 11.0;
  result.race_seconds = 22.0;
  result.total_seconds = 44.0;
  return result;
}

Json known_json() {
  CompareOptions options;
  options.seed = 7;
  options.threads = 3;
  options.race.steps = 150;
  return Json::parse(result_json(known_result(),
                                 {.command_line = "normdescent compare --data caf\xE9",
                                  .data = "caf\xE9",
                                  .data_hash = "abc",
                                  .model = "nano",
                                  .batch = 8,
                                  .context = 64},
                                 options));
}

TEST(Output, JsonHasEachNumberUnderItsName) {
  const Json json = known_json();
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["threads"], 3);
  EXPECT_EQ(json["task"]["batch"], 8);
  EXPECT_EQ(json["task"]["context"], 64);
  EXPECT_EQ(json["task"]["steps"], 150);
  EXPECT_EQ(json["task"]["data"], "caf\\xe9");
  EXPECT_EQ(json["command_line"], "normdescent compare --data caf\\xe9");
  const auto expect = [](const Json& object, const std::map<std::string, Json>& wanted) {
    for (const auto& [key, value] : wanted) EXPECT_EQ(object[key], value) << key;
  };
  expect(json["measured"][0], {{"optimizer", "muon"},
                               {"learning_rate", 0.03},
                               {"final_loss", 2.5},
                               {"final_loss_se", 0.0625},
                               {"speedup_vs_sgd", 4.0},
                               {"low", 2.0},
                               {"high", 16.0},
                               {"diverged", false},
                               {"best_rate_is_interior", true},
                               {"is_inside_noise_of_best", true}});
  EXPECT_EQ(json["measured"][0]["learning_rates"],
            Json::parse(R"([{"learning_rate": 0.06, "final_losses": [2.9375], "diverged": 1}])"));
  EXPECT_EQ(json["measured"][0]["curves"][0]["seed"], 17);
  EXPECT_EQ(json["measured"][0]["curves"][0]["points"],
            Json::parse(R"([{"step": 5, "train_loss": 2.75, "validation_loss": 2.625, "noise_density": 0.625}])"));
  expect(json["prediction"][0], {{"optimizer", "muon"},
                                 {"speedup_vs_sgd", 2.0},
                                 {"low", 1.0},
                                 {"high", 4.0},
                                 {"probability_best", 0.37},
                                 {"speedup_vs_adamw", 1.25},
                                 {"low_vs_adamw", 1.125},
                                 {"high_vs_adamw", 1.5},
                                 {"learning_rate", 0.02},
                                 {"learning_rate_low", 0.01},
                                 {"learning_rate_high", 0.05}});
  EXPECT_EQ(json["prediction"][0]["models"],
            Json::parse(R"([{"model": "density", "weight": 0.75, "speedup_vs_sgd": 3.5}])"));
  EXPECT_EQ(json["batch_curve"], Json::parse(R"([{"batch": 32.0, "speedup_vs_sgd": {"muon": 1.75}}])"));
  EXPECT_EQ(json["winner"], "muon");
  EXPECT_EQ(json["winner_z"], 3.25);
  EXPECT_EQ(json["seconds"], Json::parse(R"({"probe": 11.0, "race": 22.0, "total": 44.0})"));
}

TEST(Output, TerminalHasThemInItsColumns) {
  std::ostringstream out;
  print_prediction(out, known_result().prediction);
  std::istringstream lines(out.str());
  std::string title;
  std::string row;
  std::getline(lines, title);
  std::getline(lines, row);
  EXPECT_TRUE(
      std::regex_match(title, std::regex("optimizer +predicted speed-up over SGD +chance to be best +over AdamW +"
                                         "suggested .*rate")))
      << title;
  EXPECT_TRUE(std::regex_match(row, std::regex(R"(muon +2\.00 \(1\.00 - 4\.00\) +37% +1\.25 \(1\.12 - 1\.50\) +)"
                                               R"(0\.0200 \(0\.0100 - 0\.0500\))")))
      << row;
  EXPECT_EQ(interval_text(2.0, 1.0, 4.0), "2.00 (1.00 - 4.00)");
}

TEST(Output, PageHasThemInItsTableAndDrawsThemToScale) {
  const std::string page = report_page(known_json().dump());
  EXPECT_TRUE(contains(page, "<b>2.00×</b> <small>1.00 – 4.00</small>")) << "predicted";
  EXPECT_TRUE(contains(page, ">37 %</td>"));
  EXPECT_TRUE(contains(page, "<b>4.00×</b> <small>2.00 – 16.0</small>")) << "measured";
  EXPECT_TRUE(contains(page, "2.500 <small>± 0.062</small>") || contains(page, "2.500 <small>± 0.063</small>"));
  EXPECT_TRUE(contains(page, ">0.0300</td>"));
  // The axis goes from 1 to 16 and a fifth of a factor two beyond, 4.4 such factors: 1 is at 0.2 / 4.4, 2 at 1.2 / 4.4.
  for (const char* mark : {R"(<i class="range predicted" style="left:4.55%;width:45.45%"></i>)",
                           R"(<i class="dot predicted" style="left:27.27%"></i>)",
                           R"(<i class="range measured" style="left:27.27%;width:68.18%"></i>)",
                           R"(<i class="dot measured" style="left:50.00%"></i>)",
                           R"(<span style="left:95.45%">16×</span>)", R"(<i class="grid one" style="left:4.55%"></i>)"})
    EXPECT_TRUE(contains(page, mark)) << mark;
}

}  // namespace
}  // namespace normdescent::cli
