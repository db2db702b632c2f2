// SPDX-License-Identifier: Apache-2.0
// The search for one contestant's learning rate, as a state machine that asks for runs and is told their results. It
// trains nothing itself, and what it decides depends on the results alone, not on the order in which they come.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace normdescent {

struct LearningRateSearchOptions {
  double centre = 1e-3;
  double factor = 3.1622776601683795;  ///< ratio between neighbours, > 1
  int max_rates = 9;                   ///< >= 3, or 1: no search, the centre is chosen
  int seeds = 2;                       ///< runs of every rate that could be chosen, >= 1
};

/// A run whose result the search needs: rate centre x factor^exponent, seed number 0 .. seeds - 1.
struct SearchRun {
  int exponent = 0;
  int seed_number = 0;
  friend bool operator==(const SearchRun&, const SearchRun&) = default;
};

/// How a search run ended.
struct SearchOutcome {
  double first_loss = 0.0;  ///< validation loss at the start
  double final_loss = 0.0;  ///< validation loss at the end; +infinity if it diverged
};

/// A share of the descent (first loss - best final loss) below which two rates or two seeds count as similar. Seeds of
/// a small GPT differ by 1-3% of its descent (docs/decisions/race.md); a run that is stuck differs by 20% or more.
inline constexpr double kSimilarShare = 0.1;

/// Geometric grid, cheapest runs first:
///  1. exponents -1, 0, 1 with seed 0;
///  2. while the best rate is an end of the grid: one more rate beyond that end, until max_rates;
///  3. all seeds for the best rate and for its neighbours that are similar to it (kSimilarShare); back to 2.
/// The score of a rate is the mean final loss over its seeds; if its seeds disagree by more than kSimilarShare, or one
/// diverged, its worst seed: a rate that works by luck is no good rate. Ties go to the larger rate if finite (nothing
/// moved yet), to the smaller one if all diverged. The chosen rate has all its seeds.
class LearningRateSearch {
 public:
  /// std::invalid_argument "field = value, must be ...".
  explicit LearningRateSearch(const LearningRateSearchOptions& options);

  /// Runs to do next; empty if the search is over. Ask again only after all of them were reported.
  [[nodiscard]] std::vector<SearchRun> next_runs() const;
  void report(const SearchRun& run, const SearchOutcome& outcome);

  [[nodiscard]] double learning_rate(int exponent) const;
  /// The exponent chosen so far, 0 before any result; meaningful once next_runs() is empty.
  [[nodiscard]] int best_exponent() const;
  /// The best rate has worse neighbours on both sides.
  [[nodiscard]] bool best_is_interior() const;
  /// Mean or worst final loss of a rate (see above); +infinity if it diverged on a seed.
  [[nodiscard]] double score(int exponent) const;
  [[nodiscard]] bool all_diverged() const;

 private:
  [[nodiscard]] double descent() const;

  LearningRateSearchOptions options_;
  std::map<int, std::map<int, SearchOutcome>> results_;  ///< exponent -> seed number -> outcome
};

}  // namespace normdescent
