// SPDX-License-Identifier: Apache-2.0
#include "normdescent/scoreboard/judge.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

namespace {

constexpr int kDraws = 4000;
constexpr std::size_t kBins = 5;

// Without anything that the race said.
Example without_race(const Example& example) {
  Example bare = example;
  for (Observation& o : bare.optimizers) o.over_sgd = o.over_adamw = o.standing = o.rate_ratio = kNaN;
  return bare;
}

/// The examples that a prediction for all[judged] may learn from; `also`, with its family, is left out in the same way.
std::vector<Example> training_for(const Predictor& predictor, std::span<const JudgedProblem> all, std::size_t judged,
                                  std::size_t also) {
  std::vector<Example> training;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_kin = all[i].family == all[judged].family || all[i].family == all[also].family;
    if (i != judged && i != also && !(predictor.leaves_family_out && is_kin)) training.push_back(all[i].example);
  }
  return training;
}

std::vector<double> column(const ErrorTable& table, std::size_t j) {
  std::vector<double> values;
  for (const auto& row : table) values.push_back(row[j]);
  return values;
}

/// Which entrant a pair's prediction favours: half for a tie.
double right_share(int order, double predicted_i, double predicted_j) {
  if (predicted_i == predicted_j) return 0.5;
  return (predicted_i > predicted_j) == (order < 0) ? 1.0 : 0.0;
}

struct PairCount {
  double right = 0.0;
  std::int64_t decisive = 0;
};

PairCount count_pairs(const JudgedProblem& problem, const std::vector<double>& predicted) {
  PairCount count;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    for (std::size_t j = i + 1; j < predicted.size(); ++j) {
      if (problem.order[i][j] == 0) continue;
      ++count.decisive;
      count.right += right_share(problem.order[i][j], predicted[i], predicted[j]);
    }
  }
  return count;
}

/// Share of right pairs with its jackknife error over problems: pairs of one problem are no independent trials.
void score_pairs(Score& score, std::span<const PairCount> counts) {
  PairCount sum;
  for (const PairCount& c : counts) {
    sum.right += c.right;
    sum.decisive += c.decisive;
  }
  score.decisive_pairs = sum.decisive;
  score.pairs_right = sum.decisive > 0 ? sum.right / static_cast<double>(sum.decisive) : kNaN;
  double squares = 0.0;
  for (const PairCount& c : counts) {
    const auto rest = static_cast<double>(sum.decisive - c.decisive);
    const double without = rest > 0.0 ? (sum.right - c.right) / rest : score.pairs_right;
    squares += (without - score.pairs_right) * (without - score.pairs_right);
  }
  const auto n = static_cast<double>(counts.size());
  score.pairs_right_se = n > 1.0 ? std::sqrt((n - 1.0) / n * squares) : kNaN;
}

/// Collects |log2(predicted / measured)| and whether the interval covers it.
struct ErrorScore {
  std::vector<double> errors;
  double covered = 0.0;
  void add(double predicted, double half_width, double measured) {
    if (std::isnan(measured)) return;
    errors.push_back(std::abs(predicted - measured));
    covered += errors.back() <= half_width ? 1.0 : 0.0;
  }
  [[nodiscard]] double coverage() const { return errors.empty() ? kNaN : covered / static_cast<double>(errors.size()); }
};

void score_probabilities(Score& score, std::span<const JudgedProblem> all) {
  for (std::size_t b = 0; b < kBins; ++b) {
    score.calibration.push_back({.low = static_cast<double>(b) / kBins, .high = static_cast<double>(b + 1) / kBins});
  }
  double brier = 0.0;
  double favourite = 0.0;
  double count = 0.0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& probability = score.forecasts[i].probability_best;
    const auto& best = all[i].best;
    if (std::ranges::all_of(best, [](double share) { return share == 0.0; })) continue;  // nobody finished
    count += 1.0;
    favourite += best[static_cast<std::size_t>(std::ranges::max_element(probability) - probability.begin())];
    for (std::size_t j = 0; j < best.size(); ++j) {
      brier += (probability[j] - best[j]) * (probability[j] - best[j]);
      CalibrationBin& bin = score.calibration[std::min(kBins - 1, static_cast<std::size_t>(probability[j] * kBins))];
      ++bin.count;
      bin.mean_probability += probability[j];
      bin.frequency += best[j];
    }
  }
  for (CalibrationBin& bin : score.calibration) {
    if (bin.count == 0) continue;
    bin.mean_probability /= static_cast<double>(bin.count);
    bin.frequency /= static_cast<double>(bin.count);
  }
  score.brier = count > 0.0 ? brier / count : kNaN;
  score.favourite_best = count > 0.0 ? favourite / count : kNaN;
}

}  // namespace

Forecast leave_one_out(const Predictor& predictor, std::span<const JudgedProblem> all, std::size_t left_out) {
  const Example judged = without_race(all[left_out].example);
  const auto forecast = [&](std::size_t of, std::size_t also) {
    return predictor.forecast(training_for(predictor, all, of, also), without_race(all[of].example));
  };
  Forecast result{
      .centre = forecast(left_out, left_out), .half_width_sgd = {}, .half_width_adamw = {}, .probability_best = {}};
  ErrorTable over_sgd;
  ErrorTable over_adamw;
  ErrorTable order;
  const bool has_standing = !result.centre.standing.empty();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_kin = predictor.leaves_family_out && all[i].family == all[left_out].family;
    if (i == left_out || is_kin) continue;
    const PointForecast inner = forecast(i, left_out);
    std::vector<double> sgd;
    std::vector<double> adamw;
    std::vector<double> standing;
    for (std::size_t j = 0; j < judged.optimizers.size(); ++j) {
      sgd.push_back(all[i].example.optimizers[j].over_sgd - inner.over_sgd[j]);
      adamw.push_back(all[i].example.optimizers[j].over_adamw - inner.over_adamw[j]);
      standing.push_back(has_standing ? all[i].example.optimizers[j].standing - inner.standing[j] : sgd.back());
    }
    over_sgd.push_back(std::move(sgd));
    over_adamw.push_back(std::move(adamw));
    order.push_back(std::move(standing));
  }
  std::vector<bool> exact;
  for (std::size_t j = 0; j < judged.optimizers.size(); ++j) {
    result.half_width_sgd.push_back(conformal_half_width(column(over_sgd, j)));
    result.half_width_adamw.push_back(conformal_half_width(column(over_adamw, j)));
    exact.push_back(!has_standing && judged.optimizers[j].optimizer == "sgd");
  }
  result.probability_best = probabilities_of_best(result.centre.order(), exact, order, kDraws, 1);
  return result;
}

Score score(const Predictor& predictor, std::span<const JudgedProblem> all) {
  Score score{.predictor = predictor.name, .summary = predictor.summary, .calibration = {}, .forecasts = {}};
  std::vector<PairCount> pairs;
  ErrorScore sgd;
  ErrorScore adamw;
  for (std::size_t i = 0; i < all.size(); ++i) {
    score.forecasts.push_back(leave_one_out(predictor, all, i));
    const Forecast& forecast = score.forecasts.back();
    pairs.push_back(count_pairs(all[i], forecast.centre.order()));
    for (std::size_t j = 0; j < all[i].example.optimizers.size(); ++j) {
      const Observation& o = all[i].example.optimizers[j];
      // A speed-up of an optimizer over itself is no prediction.
      if (o.optimizer != "sgd") sgd.add(forecast.centre.over_sgd[j], forecast.half_width_sgd[j], o.over_sgd);
      if (o.optimizer != "adamw") adamw.add(forecast.centre.over_adamw[j], forecast.half_width_adamw[j], o.over_adamw);
    }
  }
  score_pairs(score, pairs);
  score.error_over_sgd = median(sgd.errors);
  score.error_over_adamw = median(adamw.errors);
  score.coverage_over_sgd = sgd.coverage();
  score.coverage_over_adamw = adamw.coverage();
  score_probabilities(score, all);
  return score;
}

std::vector<RateScore> score_rates(std::span<const JudgedProblem> all) {
  std::array<std::vector<double>, 5> errors;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<Example> others;
    for (std::size_t k = 0; k < all.size(); ++k) {
      if (k != i) others.push_back(all[k].example);
    }
    const Calibration fit = fit_coefficients(others);
    for (std::size_t j = 0; j < all[i].learning_rates.size(); ++j) {
      const double chosen = all[i].learning_rates[j];
      const double from_short = all[i].short_learning_rates[j];
      if (std::isnan(chosen) || std::isnan(from_short)) continue;
      const auto mean_of_others = [&](auto value) {
        double sum = 0.0;
        double count = 0.0;
        for (std::size_t k = 0; k < all.size(); ++k) {
          if (const double v = value(all[k]); k != i && !std::isnan(v)) {
            sum += v;
            count += 1.0;
          }
        }
        return count > 0.0 ? sum / count : 0.0;
      };
      const double ratio = mean_of_others([&](const JudgedProblem& p) { return p.example.optimizers[j].rate_ratio; });
      const double zoo = mean_of_others([&](const JudgedProblem& p) { return p.learning_rates[j]; });
      const double usual = std::log10(learning_rate_of(make_optimizer(all[i].example.optimizers[j].optimizer)));
      const double predicted =
          fit.optimizers.empty() ? 0.0 : fit.optimizers[j].rate_ratio.value(all[i].example.optimizers[j].features);
      errors[0].push_back(std::abs(from_short + predicted - chosen));
      errors[1].push_back(std::abs(from_short + ratio - chosen));
      errors[2].push_back(std::abs(from_short - chosen));
      errors[3].push_back(std::abs(zoo - chosen));
      errors[4].push_back(std::abs(usual - chosen));
    }
  }
  constexpr const char* kRules[] = {"combination: short race's best times a predicted ratio",
                                    "short race's best times the others' ratio", "short race's best",
                                    "mean of the other problems", "catalog's default"};
  std::vector<RateScore> scores;
  for (std::size_t r = 0; r < errors.size(); ++r)
    scores.push_back({kRules[r], median(errors[r]), static_cast<std::int64_t>(errors[r].size())});
  return scores;
}

ScoreboardResult judge_scoreboard(std::span<const ProblemRecord> records) {
  ScoreboardResult result;
  for (const ProblemRecord& record : records) {
    result.problems.push_back(judged(record));
    std::vector<std::string> names;
    for (const Observation& o : result.problems.back().example.optimizers) names.push_back(o.optimizer);
    if (result.optimizers.empty()) result.optimizers = names;
    if (names != result.optimizers)
      throw std::invalid_argument("records = other optimizers in " + record.problem + ", must be the same in all");
  }
  for (const Predictor& predictor : predictors()) result.scores.push_back(score(predictor, result.problems));
  result.rates = score_rates(result.problems);
  return result;
}

}  // namespace normdescent
