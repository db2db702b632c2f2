// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <sstream>

#include "normdescent/base/text.hpp"
#include "normdescent/scoreboard/text.hpp"

namespace normdescent {

namespace {

std::string percent(double share) { return std::isnan(share) ? "-" : fixed(100.0 * share, 0) + "%"; }

// A factor from its logarithm: an error of 0 is a factor of 1.
std::string factor(double log2_value) { return std::isnan(log2_value) ? "-" : fixed(std::exp2(log2_value), 2); }

void write_scores(std::ostream& out, const ScoreboardResult& result) {
  out << "| predictor | order of decisive pairs right | error over SGD | error over AdamW | 80% intervals cover (SGD, "
         "AdamW) | Brier | favourite was best |\n|---|--:|--:|--:|--:|--:|--:|\n";
  for (const Score& s : result.scores) {
    out << "| " << s.predictor << " | " << percent(s.pairs_right) << " ± " << percent(s.pairs_right_se) << " | "
        << factor(s.error_over_sgd) << " | " << factor(s.error_over_adamw) << " | " << percent(s.coverage_over_sgd)
        << ", " << percent(s.coverage_over_adamw) << " | " << fixed(s.brier, 3) << " | " << percent(s.favourite_best)
        << " |\n";
  }
  const std::int64_t pairs = result.scores.empty() ? 0 : result.scores.front().decisive_pairs;
  out << '\n'
      << grouped(pairs)
      << " pairs of optimizers are decisive: their final losses differ by more than noise. A tie in a "
      << "prediction counts half. \"error\" is the factor 2^median|log2(predicted / measured speed-up)|. ± is the "
         "jackknife "
         "over problems.\n\n";
  for (const Score& s : result.scores) out << "- " << s.predictor << ": " << s.summary << '\n';
}

void write_calibration(std::ostream& out, const Score& score) {
  out << "| probability given | times given | mean | was best |\n|---|--:|--:|--:|\n";
  for (const CalibrationBin& bin : score.calibration) {
    out << "| " << percent(bin.low) << " - " << percent(bin.high) << " | " << bin.count << " | "
        << (bin.count > 0 ? percent(bin.mean_probability) : "-") << " | "
        << (bin.count > 0 ? percent(bin.frequency) : "-") << " |\n";
  }
}

void write_problems(std::ostream& out, const ScoreboardResult& result, std::span<const ProblemRecord> records) {
  out << "| problem | parameters | batch | steps | best |";
  for (const std::string& name : result.optimizers) {
    if (name != "sgd") out << ' ' << name << " |";
  }
  out << " evidence / race |\n|---|--:|--:|--:|---|";
  for (std::size_t j = 1; j < result.optimizers.size(); ++j) out << "--:|";
  out << "--:|\n";
  for (std::size_t i = 0; i < records.size(); ++i) {
    const ProblemRecord& record = records[i];
    const JudgedProblem& problem = result.problems[i];
    out << "| " << record.problem << " | " << grouped(record.evidence.probe.dimension) << " | "
        << fixed(record.plan.batch_size, 0) << " | " << grouped(record.plan.steps) << " | "
        << record.race.winner.value_or("none alone") << " |";
    for (std::size_t j = 0; j < result.optimizers.size(); ++j) {
      const Observation& o = problem.example.optimizers[j];
      if (o.optimizer == "sgd") continue;
      const double predicted = result.scores.empty() ? NAN : result.scores.front().forecasts[i].centre.over_sgd[j];
      out << ' ' << factor(o.over_sgd) << " (" << factor(predicted) << ") |";
    }
    out << ' ' << percent(record.evidence_cost.work() / record.race_cost.work()) << " |\n";
  }
}

}  // namespace

std::string scoreboard_markdown(const ScoreboardResult& result, std::span<const ProblemRecord> records,
                                const std::string& command, const std::string& date) {
  Cost evidence;
  Cost race;
  double shares = 0.0;
  for (const ProblemRecord& record : records) {
    evidence.seconds += record.evidence_cost.seconds;
    race.seconds += record.race_cost.seconds;
    shares += record.evidence_cost.work() / record.race_cost.work();
  }
  std::ostringstream out;
  out << "# Scoreboard\n\nMade by `" << command << "` on " << date << ": " << records.size()
      << " problems, each predicted before it was raced, and judged by what was fitted on the others alone "
         "(leave-one-out). Evidence took "
      << duration(evidence.seconds) << ", races " << duration(race.seconds) << "; the mean share of evidence in the "
      << "examples of a race (searches of all learning rates and final runs of all optimizers) was "
      << percent(shares / static_cast<double>(records.size())) << ".\n\n## Predictors\n\n";
  write_scores(out, result);
  if (!result.scores.empty()) {
    out << "\n## Probability of being best\n\nOf `" << result.scores.front().predictor << "`:\n\n";
    write_calibration(out, result.scores.front());
  }
  out << "\n## Suggested learning rates\n\n| rule | median factor off the race's choice | cases |\n|---|--:|--:|\n";
  for (const RateScore& rate : result.rates)
    out << "| " << rate.rule << " | " << fixed(std::pow(10.0, rate.median_error), 2) << " | " << rate.count << " |\n";
  out << "\n## Problems\n\nSpeed-ups over SGD, measured and, in brackets, predicted without this problem; \"-\": one "
         "of "
         "the two made no progress or diverged.\n\n";
  write_problems(out, result, records);
  return out.str();
}

}  // namespace normdescent
