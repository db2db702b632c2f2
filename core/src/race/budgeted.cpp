// SPDX-License-Identifier: Apache-2.0
// The low-budget plan: rounds of small copies of the run, each the one that is expected to save most steps for its
// cost.
#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <vector>

#include "normdescent/base/derive_seed.hpp"
#include "plan.hpp"

namespace normdescent {

namespace {

constexpr std::size_t kRefined = 3;  // candidates whose rates may be refined in a round
constexpr int kImagined = 128;
constexpr int kEvaluations = 2;
constexpr std::uint64_t kSeedsOfALevel = 1000;

struct Probe {
  std::size_t candidate = 0;
  double log2_rate = 0.0;
  int number = 0;
};
struct Round {
  int divisor = 1;
  std::int64_t steps = 1;
  std::vector<Probe> probes;
};

class Rounds {
 public:
  explicit Rounds(const Plan& plan)
      : plan_(plan), observations_(plan.observations()), belief_(plan.field.believe(observations_)) {
    const std::size_t n = belief_.size();
    offsets_.assign(n, 0.0);
    if (plan.options.objective == PlanObjective::time)
      offsets_ = plan.field.log2_step_times(plan.measured().seconds_per_step);
    for (std::size_t j = 0; j < n; ++j) {
      order_.push_back(j);
      values_.push_back(belief_.value(j) + offsets_[j]);
    }
    std::ranges::stable_sort(order_, {}, [&](std::size_t j) { return values_[j]; });
    Philox random(derive_seed(plan.options.seed, Purpose::decision, 1));
    for (int draw = 0; draw < kImagined; ++draw) {
      for (std::size_t j = 0; j < n; ++j) normals_.push_back(random.normal());
    }
  }

  struct Best {
    Round round;
    double gain = 0.0;
  };
  /// The round that saves most for its cost (or most at all), of those that cost at most `budget` and save enough.
  [[nodiscard]] Best best(double budget, bool per_cost) const {
    Best best;
    double best_score = 0.0;
    std::set<std::int64_t> lengths;
    std::set<std::vector<std::tuple<std::int64_t, std::size_t, double, int>>> looked_at;
    for (const int divisor : plan_.policy.spending.divisors) {
      const std::int64_t steps = std::llround(static_cast<double>(plan_.options.steps) / divisor);
      if (divisor > 1 && steps < plan_.policy.spending.fewest_steps) continue;
      if (1.0 / divisor < plan_.policy.spending.smallest_share * plan_.options.budget_runs) continue;
      if (!lengths.insert(std::max<std::int64_t>(1, steps)).second) continue;
      for (const Round& round : rounds_of(divisor, std::max<std::int64_t>(1, steps))) {
        const double cost = static_cast<double>(round.probes.size()) * plan_.expected_cost(round.steps, kEvaluations);
        if (round.probes.empty() || cost > budget) continue;
        std::vector<std::tuple<std::int64_t, std::size_t, double, int>> key;
        for (const Probe& probe : round.probes)
          key.emplace_back(round.steps, probe.candidate, probe.log2_rate, probe.number);
        std::ranges::sort(key);
        if (!looked_at.insert(key).second) continue;
        const double gain = gain_of(round);
        if (gain < plan_.policy.spending.smallest_gain) continue;
        const double score = per_cost ? gain / cost : gain;
        if (score > best_score) {
          best_score = score;
          best = {round, gain};
        }
      }
    }
    return best;
  }

 private:
  [[nodiscard]] double halvings(std::int64_t steps) const {
    return std::log2(static_cast<double>(plan_.options.steps) / static_cast<double>(steps));
  }
  [[nodiscard]] double rate_near(std::size_t j, std::int64_t steps, int offset) const {
    const double step = plan_.policy.spending.rate_step;
    const double mean = belief_.rate_at(j, halvings(steps)).mean;
    if (plan_.field.priors()[j].rate_is_fixed) return mean;
    return step * (std::round(mean / step) + offset);
  }
  [[nodiscard]] int runs_at(std::size_t j, std::int64_t steps, double log2_rate) const {
    return static_cast<int>(std::ranges::count_if(plan_.entries, [&](const PlanEntry& entry) {
      return entry.candidate == j && entry.run.steps == steps && !entry.is_search &&
             std::abs(std::log2(entry.run.learning_rate) - log2_rate) < 1e-9;
    }));
  }
  [[nodiscard]] bool has_level(std::size_t j, std::int64_t steps) const {
    return std::ranges::any_of(
        plan_.entries, [&](const PlanEntry& entry) { return entry.candidate == j && entry.run.steps == steps; });
  }
  void add(Round& round, std::size_t j, int offset) const {
    const double rate = rate_near(j, round.steps, offset);
    const bool is_known = runs_at(j, round.steps, rate) > 0 || std::ranges::any_of(round.probes, [&](const Probe& p) {
                            return p.candidate == j && p.log2_rate == rate;
                          });
    if (!is_known) round.probes.push_back({j, rate, 0});
  }

  [[nodiscard]] std::vector<Round> rounds_of(int divisor, std::int64_t steps) const {
    std::vector<Round> rounds;
    // Who is ahead: the first few, each at the rate that is expected to be its best; with the leader's rates, too.
    for (std::size_t count = 2; count <= order_.size(); ++count) {
      Round round{divisor, steps, {}};
      for (std::size_t i = 0; i < count; ++i) {
        if (!has_level(order_[i], steps)) add(round, order_[i], 0);
      }
      rounds.push_back(round);
      add(round, order_[0], -1);
      add(round, order_[0], 1);
      rounds.push_back(round);
    }
    // Which rate: around the expected one of each that can still be chosen.
    static const std::vector<std::vector<int>> kOffsets = {{0},    {-1},    {1},        {0, -1},
                                                           {0, 1}, {-1, 1}, {-1, 0, 1}, {-2, 0, 2}};
    for (std::size_t i = 0; i < std::min(kRefined, order_.size()); ++i) {
      for (const auto& offsets : kOffsets) {
        Round round{divisor, steps, {}};
        for (const int offset : offsets) add(round, order_[i], offset);
        rounds.push_back(round);
      }
    }
    // The same again with another seed, of the whole length only: shorter runs err by more than their noise.
    if (divisor == 1 && order_.size() > 1) {
      Round round{divisor, steps, {}};
      for (std::size_t i = 0; i < 2; ++i) {
        const double rate = rate_near(order_[i], steps, 0);
        const int number = runs_at(order_[i], steps, rate);
        if (number > 0 && number < plan_.options.final_seeds) round.probes.push_back({order_[i], rate, number});
      }
      rounds.push_back(round);
    }
    return rounds;
  }

  /// Knowledge gradient: how far the smallest expected value is expected to fall, if runs turn out as far from what is
  /// expected of them as they are believed to.
  [[nodiscard]] double gain_of(const Round& round) const {
    const double level = halvings(round.steps);
    std::vector<RunObservation> imagined = observations_;
    for (const Probe& probe : round.probes) {
      imagined.push_back({.candidate = probe.candidate,
                          .log2_rate = probe.log2_rate,
                          .halvings = level,
                          .regret = belief_.predicted(probe.candidate, probe.log2_rate, level)});
    }
    const Belief after = plan_.field.believe(imagined);
    const std::size_t n = belief_.size();
    SquareMatrix learned(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k)
        learned(i, k) = belief_.regret_covariance()(i, k) - after.regret_covariance()(i, k);
    }
    const SquareMatrix factor = cholesky_factor(learned);
    double now = std::numeric_limits<double>::infinity();
    std::vector<double> expected;
    for (std::size_t j = 0; j < n; ++j) {
      now = std::min(now, values_[j]);
      expected.push_back(belief_.regret_mean(j) + after.rate_penalty(j) + offsets_[j]);
    }
    double then = 0.0;
    for (int draw = 0; draw < kImagined; ++draw) {
      const double* z = &normals_[static_cast<std::size_t>(draw) * n];
      for (const double sign : {-1.0, 1.0}) {  // so that the draws' mean is exactly 0
        double smallest = std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < n; ++j) {
          double value = expected[j];
          for (std::size_t k = 0; k <= j; ++k) value += sign * factor(j, k) * z[k];
          smallest = std::min(smallest, value);
        }
        then += smallest / (2.0 * kImagined);
      }
    }
    return now - then;
  }

  const Plan& plan_;
  std::vector<RunObservation> observations_;
  Belief belief_;
  std::vector<double> offsets_;
  std::vector<double> values_;
  std::vector<std::size_t> order_;  ///< smallest expected value first
  std::vector<double> normals_;
};

}  // namespace

std::vector<PlanEntry> next_budgeted(const Plan& plan) {
  const double left = plan.options.budget_runs - plan.cost_so_far();
  if (!(left > 0.0)) return {};
  const Rounds::Best best = Rounds(plan).best(left, true);
  std::vector<PlanEntry> entries;
  std::int64_t id = 0;
  for (const PlanEntry& entry : plan.entries) {
    if (entry.run.id < kFirstRaceId) id = std::max(id, entry.run.id + 1);
  }
  for (const Probe& probe : best.round.probes) {
    const std::uint64_t index =
        static_cast<std::uint64_t>(best.round.divisor) + kSeedsOfALevel * static_cast<std::uint64_t>(probe.number);
    const Candidate& candidate = plan.field.candidates()[probe.candidate];
    entries.push_back(
        {.run = {.id = id++,
                 .candidate = candidate.name,
                 .learning_rate = candidate.rate_is_fixed ? *candidate.learning_rate : std::exp2(probe.log2_rate),
                 .steps = best.round.steps,
                 .evaluations = kEvaluations,
                 .seed = derive_seed(plan.options.seed, Purpose::short_run, index),
                 .purpose = best.round.divisor == 1 ? RunPurpose::long_run : RunPurpose::short_run},
         .candidate = probe.candidate,
         .number = probe.number,
         .result = {}});
  }
  return entries;
}

double gain_of_a_round(const Plan& plan, double budget) { return Rounds(plan).best(budget, false).gain; }

}  // namespace normdescent
