// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/learning_rate_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "normdescent/base/require.hpp"

namespace normdescent {

LearningRateSearch::LearningRateSearch(const LearningRateSearchOptions& options) : options_(options) {
  require(std::isfinite(options.centre) && options.centre > 0.0, "learning_rate", options.centre,
          "finite and positive");
  require(std::isfinite(options.factor) && options.factor > 1.0, "grid_factor", options.factor, "finite and above 1");
  require(options.max_rates == 1 || options.max_rates >= 3, "max_rates", options.max_rates, "1 or at least 3");
  require(options.seeds >= 1, "search_seeds", options.seeds, "at least 1");
}

double LearningRateSearch::learning_rate(int exponent) const {
  return options_.centre * std::pow(options_.factor, exponent);
}

double LearningRateSearch::descent() const {
  double first = 0.0;
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [exponent, outcomes] : results_) {
    for (const auto& [seed, outcome] : outcomes) {
      if (outcome.final_loss < best) {
        best = outcome.final_loss;
        first = outcome.first_loss;
      }
    }
  }
  return std::isfinite(best) ? std::max(0.0, first - best) : 0.0;
}

double LearningRateSearch::score(int exponent) const {
  double sum = 0.0;
  double worst = -std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  const auto& outcomes = results_.at(exponent);
  for (const auto& [seed, outcome] : outcomes) {
    sum += outcome.final_loss;
    worst = std::max(worst, outcome.final_loss);
    best = std::min(best, outcome.final_loss);
  }
  if (!std::isfinite(worst) || worst - best > kSimilarShare * descent()) return worst;
  return sum / static_cast<double>(outcomes.size());
}

int LearningRateSearch::best_exponent() const {
  if (results_.empty()) return 0;
  int best = results_.begin()->first;
  double best_score = score(best);
  for (const auto& [exponent, outcomes] : results_) {  // ascending
    const double candidate = score(exponent);
    const bool ties_upwards = candidate == best_score && std::isfinite(candidate);
    if (candidate < best_score || ties_upwards) {
      best = exponent;
      best_score = candidate;
    }
  }
  return best;
}

bool LearningRateSearch::best_is_interior() const {
  if (results_.empty()) return false;
  const int best = best_exponent();
  return best != results_.begin()->first && best != results_.rbegin()->first && !all_diverged();
}

bool LearningRateSearch::all_diverged() const {
  return !results_.empty() && std::all_of(results_.begin(), results_.end(),
                                          [&](const auto& rate) { return !std::isfinite(score(rate.first)); });
}

std::vector<SearchRun> LearningRateSearch::next_runs() const {
  if (options_.max_rates == 1) return {};
  if (results_.empty()) return {{-1, 0}, {0, 0}, {1, 0}};

  const int best = best_exponent();
  const int lowest = results_.begin()->first;
  const int highest = results_.rbegin()->first;
  if (static_cast<int>(results_.size()) < options_.max_rates) {
    if (best == lowest) return {{lowest - 1, 0}};
    if (best == highest) return {{highest + 1, 0}};
  }
  if (all_diverged()) return {};

  std::vector<SearchRun> missing;
  for (int exponent = std::max(lowest, best - 1); exponent <= std::min(highest, best + 1); ++exponent) {
    const bool could_be_chosen = exponent == best || score(exponent) - score(best) <= kSimilarShare * descent();
    for (int seed = 0; could_be_chosen && seed < options_.seeds; ++seed) {
      if (!results_.at(exponent).contains(seed)) missing.push_back({exponent, seed});
    }
  }
  return missing;
}

void LearningRateSearch::report(const SearchRun& run, const SearchOutcome& outcome) {
  SearchOutcome kept = outcome;
  if (std::isnan(kept.final_loss)) kept.final_loss = std::numeric_limits<double>::infinity();
  results_[run.exponent][run.seed_number] = kept;
}

}  // namespace normdescent
