// SPDX-License-Identifier: Apache-2.0
// Judges predictors by races: each problem is predicted by what was fitted on the others alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "normdescent/predict/calibration.hpp"
#include "normdescent/scoreboard/record.hpp"

namespace normdescent {

/// A problem as judges see it: an Example, and what its race decided.
struct JudgedProblem {
  Example example;
  std::string family;
  /// -1 or 1 for entrant i against j: i's final loss is lower or higher, outside noise; 0 inside it.
  std::vector<std::vector<int>> order;
  std::vector<double> best;            ///< 1 for the winner; without one, shared by those inside the noise of the best
  std::vector<double> learning_rates;  ///< log10 of the race's choices; NaN: diverged
  std::vector<double> short_learning_rates;  ///< of the short race's
};

/// A pair is decisive if the difference of mean final losses is kSignificantZ times its error, where each variance is
/// at least the median of all (as in test_winner); a contestant that diverged is worse than any that did not.
[[nodiscard]] JudgedProblem judged(const ProblemRecord& record);

/// What a predictor says of all entrants.
struct PointForecast {
  std::vector<double> over_sgd;  ///< log2 speed-ups
  std::vector<double> over_adamw;
  std::vector<double> standing;  ///< orders them by final loss; empty: over_sgd does

  [[nodiscard]] const std::vector<double>& order() const { return standing.empty() ? over_sgd : standing; }
};

/// A predictor as a function of the problems that it may learn from and the evidence of the judged one; `judged` comes
/// without its race (all measured fields NaN).
struct Predictor {
  std::string name;
  std::string summary;
  bool leaves_family_out = false;  ///< may not learn from problems of the same family either
  std::function<PointForecast(std::span<const Example> training, const Example& judged)> forecast;
};

/// Theory, pilots, short race, the combination (with one problem and with one family left out), and the baselines that
/// a predictor must beat: the zoo's mean of each optimizer, always Muon, all equal.
[[nodiscard]] std::vector<Predictor> predictors();

/// One problem, predicted without its race.
struct Forecast {
  PointForecast centre;
  std::vector<double> half_width_sgd;  ///< of the 80% interval of log2 speed-up
  std::vector<double> half_width_adamw;
  std::vector<double> probability_best;
};

/// Predicts `all[left_out]` from the others: the predictor itself, then intervals and probabilities from the errors
/// that it makes on each of the others when that one, too, is left out.
[[nodiscard]] Forecast leave_one_out(const Predictor& predictor, std::span<const JudgedProblem> all,
                                     std::size_t left_out);

struct CalibrationBin {
  double low = 0.0;
  double high = 1.0;
  std::int64_t count = 0;
  double mean_probability = 0.0;
  double frequency = 0.0;  ///< how often these were best
};

struct Score {
  std::string predictor;
  std::string summary;
  std::int64_t decisive_pairs = 0;
  double pairs_right = 0.0;     ///< share; predicted ties count half
  double pairs_right_se = 0.0;  ///< jackknife over problems
  double error_over_sgd = 0.0;  ///< median |log2(predicted / measured)|
  double error_over_adamw = 0.0;
  double coverage_over_sgd = 0.0;  ///< share of measured speed-ups inside 80% intervals
  double coverage_over_adamw = 0.0;
  double brier = 0.0;           ///< mean over problems of sum over entrants (probability - best)^2
  double favourite_best = 0.0;  ///< mean share of "best" that the likeliest entrant had
  std::vector<CalibrationBin> calibration;
  std::vector<Forecast> forecasts;  ///< one a problem
};

struct RateScore {
  std::string rule;
  double median_error = 0.0;  ///< |log10(suggested / chosen)|
  std::int64_t count = 0;
};

struct ScoreboardResult {
  std::vector<std::string> optimizers;
  std::vector<JudgedProblem> problems;
  std::vector<Score> scores;
  std::vector<RateScore> rates;
};

/// Scores `predictor` on `all`. Fewer than two problems leave nothing to score (NaN).
[[nodiscard]] Score score(const Predictor& predictor, std::span<const JudgedProblem> all);

/// Suggested learning rates, each from the other problems alone.
[[nodiscard]] std::vector<RateScore> score_rates(std::span<const JudgedProblem> all);

/// All predictors on all records. std::invalid_argument if records name different optimizers.
[[nodiscard]] ScoreboardResult judge_scoreboard(std::span<const ProblemRecord> records);

}  // namespace normdescent
