// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "normdescent/base/version.hpp"
#include "normdescent/scoreboard/text.hpp"

namespace normdescent {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson score_json(const Score& score) {
  OrderedJson bins = OrderedJson::array();
  for (const CalibrationBin& bin : score.calibration) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"count", bin.count},
                    {"mean_probability", bin.mean_probability},
                    {"frequency", bin.frequency}});
  }
  return {{"predictor", score.predictor},
          {"summary", score.summary},
          {"decisive_pairs", score.decisive_pairs},
          {"pairs_right", score.pairs_right},
          {"pairs_right_se", score.pairs_right_se},
          {"median_log2_error_vs_sgd", score.error_over_sgd},
          {"median_log2_error_vs_adamw", score.error_over_adamw},
          {"coverage_vs_sgd", score.coverage_over_sgd},
          {"coverage_vs_adamw", score.coverage_over_adamw},
          {"brier", score.brier},
          {"favourite_best", score.favourite_best},
          {"calibration", bins}};
}

OrderedJson problem_json(const ScoreboardResult& result, std::size_t i, const ProblemRecord& record) {
  const JudgedProblem& problem = result.problems[i];
  OrderedJson optimizers = OrderedJson::array();
  for (std::size_t j = 0; j < problem.example.optimizers.size(); ++j) {
    const Observation& o = problem.example.optimizers[j];
    OrderedJson predictions = OrderedJson::array();
    for (const Score& score : result.scores) {
      const Forecast& f = score.forecasts[i];
      predictions.push_back({{"predictor", score.predictor},
                             {"log2_vs_sgd", f.centre.over_sgd[j]},
                             {"half_width_vs_sgd", f.half_width_sgd[j]},
                             {"log2_vs_adamw", f.centre.over_adamw[j]},
                             {"half_width_vs_adamw", f.half_width_adamw[j]},
                             {"order", f.centre.order()[j]},
                             {"probability_best", f.probability_best[j]}});
    }
    optimizers.push_back({{"optimizer", o.optimizer},
                          {"log2_vs_sgd", o.over_sgd},
                          {"log2_vs_adamw", o.over_adamw},
                          {"standing", o.standing},
                          {"best", problem.best[j]},
                          {"log10_learning_rate", problem.learning_rates[j]},
                          {"log10_short_learning_rate", problem.short_learning_rates[j]},
                          {"features", o.features},
                          {"predictions", predictions}});
  }
  return {{"problem", record.problem},
          {"family", record.family},
          {"steps", record.plan.steps},
          {"batch", record.plan.batch_size},
          {"dimension", record.evidence.probe.dimension},
          {"evidence_share", record.evidence_cost.work() / record.race_cost.work()},
          {"evidence_seconds", record.evidence_cost.seconds},
          {"race_seconds", record.race_cost.seconds},
          {"winner", record.race.winner ? OrderedJson(*record.race.winner) : OrderedJson(nullptr)},
          {"optimizers", optimizers}};
}

}  // namespace

std::string scoreboard_json(const ScoreboardResult& result, std::span<const ProblemRecord> records) {
  OrderedJson scores = OrderedJson::array();
  for (const Score& score : result.scores) scores.push_back(score_json(score));
  OrderedJson rates = OrderedJson::array();
  for (const RateScore& rate : result.rates)
    rates.push_back({{"rule", rate.rule}, {"median_log10_error", rate.median_error}, {"count", rate.count}});
  OrderedJson problems = OrderedJson::array();
  for (std::size_t i = 0; i < records.size(); ++i) problems.push_back(problem_json(result, i, records[i]));
  const OrderedJson json = {{"version", kVersion},  {"command", "scoreboard"}, {"optimizers", result.optimizers},
                            {"predictors", scores}, {"learning_rates", rates}, {"problems", problems}};
  return json.dump(1) + "\n";
}

}  // namespace normdescent
