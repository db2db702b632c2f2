// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/planner.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "normdescent/base/require.hpp"
#include "plan.hpp"
#include "planner_state.hpp"

namespace normdescent {

namespace {

constexpr double kBudgetOfMore = 0.25;  // runs: "as much evidence again" is at least this

Features with_steps(Features features, std::int64_t steps) {
  features["steps"] = static_cast<double>(steps);
  return features;
}

Plan make_plan(std::vector<Candidate> candidates, PlannerOptions options, const Policy& policy) {
  options.validate();
  Field field(std::move(candidates), with_steps(options.features, options.steps), policy, options.baseline);
  return {.options = std::move(options), .policy = policy, .field = std::move(field), .entries = {}};
}

}  // namespace

const char* to_string(RunPurpose purpose) {
  switch (purpose) {
    case RunPurpose::short_run: return "short";
    case RunPurpose::long_run: return "long";
    case RunPurpose::final_run: return "final";
    case RunPurpose::baseline: return "baseline";
  }
  return "unknown";
}

void PlannerOptions::validate() const {
  require(steps >= 1, "steps", steps, "at least 1");
  require(budget_runs >= 0.0, "budget_runs", budget_runs, "at least 0");
  require(spent_runs >= 0.0 && std::isfinite(spent_runs), "spent_runs", spent_runs, "finite and at least 0");
  require(validation_batches >= 0, "validation_batches", validation_batches, "at least 0");
  require(accumulate >= 1, "accumulate", accumulate, "at least 1");
  require(final_seeds >= 0, "final_seeds", final_seeds, "at least 0");
  require(search_seeds >= 1, "search_seeds", search_seeds, "at least 1");
  require(max_rates == 1 || max_rates >= 3, "max_rates", max_rates, "1 or at least 3");
  require(std::isfinite(grid_factor) && grid_factor > 1.0, "grid_factor", grid_factor, "finite and above 1");
  require(curve_points >= 1, "curve_points", curve_points, "at least 1");
}

struct Planner::Implementation {
  Plan plan;

  [[nodiscard]] bool is_full_race() const { return std::isinf(plan.options.budget_runs); }

  PlanEntry& under_way(std::int64_t id) {
    const auto found = std::ranges::find_if(plan.entries, [id](const PlanEntry& e) { return e.run.id == id; });
    if (found == plan.entries.end()) throw std::invalid_argument("run " + std::to_string(id) + " was never asked for");
    if (found->state == PlanEntry::State::told)
      throw std::invalid_argument("run " + std::to_string(id) + " was told before");
    if (found->state == PlanEntry::State::ready)
      throw std::invalid_argument("run " + std::to_string(id) + " is not under way: ask for it first");
    return *found;
  }

  /// Plans what the results so far allow.
  void advance() {
    std::vector<PlanEntry> next;
    if (is_full_race()) {
      next = next_of_race(plan);
    } else if (plan.all_told()) {
      next = next_budgeted(plan);
    }
    for (PlanEntry& entry : next) plan.entries.push_back(std::move(entry));
    std::ranges::sort(plan.entries, {}, [](const PlanEntry& e) { return e.run.id; });
  }
};

Planner::Planner(std::vector<Candidate> candidates, PlannerOptions options, const Policy& policy)
    : implementation_(std::make_unique<Implementation>(
          Implementation{make_plan(std::move(candidates), std::move(options), policy)})) {
  implementation_->advance();
}
Planner::Planner(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;

std::vector<PlannedRun> Planner::ask(int limit) {
  if (limit < 1) return {};
  auto& entries = implementation_->plan.entries;
  // Searches go before final runs, and the candidate with the fewest results first: final runs are left to fill the
  // workers at the end. The order changes nothing but when the answer is there.
  const auto urgency = [&](const PlanEntry* entry) {
    const auto results = std::ranges::count_if(entries, [&](const PlanEntry& other) {
      return other.candidate == entry->candidate && other.state != PlanEntry::State::ready;
    });
    const bool is_last = entry->run.purpose == RunPurpose::final_run || entry->run.purpose == RunPurpose::baseline;
    return std::tuple(is_last, results, entry->run.id);
  };
  std::vector<PlannedRun> runs;
  while (static_cast<int>(runs.size()) < limit) {
    PlanEntry* next = nullptr;
    for (PlanEntry& entry : entries) {
      if (entry.state == PlanEntry::State::ready && (next == nullptr || urgency(&entry) < urgency(next))) next = &entry;
    }
    if (next == nullptr) break;
    next->state = PlanEntry::State::under_way;
    runs.push_back(next->run);
  }
  return runs;
}

void Planner::tell(std::int64_t id, const RunResult& result) {
  PlanEntry& entry = implementation_->under_way(id);
  if (result.curve_steps.size() != result.curve_losses.size())
    throw std::invalid_argument("curve of run " + std::to_string(id) + " has " +
                                std::to_string(result.curve_steps.size()) + " steps and " +
                                std::to_string(result.curve_losses.size()) + " losses, must be as many");
  if (result.gradients < 0 || result.validation_batches < 0)
    throw std::invalid_argument("gradients and validation_batches of run " + std::to_string(id) +
                                " must be at least 0");
  entry.result = result;
  entry.result.diverged = result.diverged || !std::isfinite(result.final_loss);
  entry.state = PlanEntry::State::told;
  implementation_->advance();
}

void Planner::lost(std::int64_t id) { implementation_->under_way(id).state = PlanEntry::State::ready; }

bool Planner::done() const { return implementation_->plan.all_told(); }

double Planner::cost_runs() const { return implementation_->plan.cost_so_far(); }

std::int64_t Planner::runs_done() const {
  return std::ranges::count_if(implementation_->plan.entries,
                               [](const PlanEntry& e) { return e.state == PlanEntry::State::told; });
}

std::int64_t Planner::runs_planned() const {
  const Plan& plan = implementation_->plan;
  return static_cast<std::int64_t>(plan.entries.size()) +
         (implementation_->is_full_race() ? race_runs_to_come(plan) : 0);
}

Decision Planner::decision() const {
  const Plan& plan = implementation_->plan;
  const std::vector<RunObservation> observations = plan.observations();
  Decision decision = decide(plan.field, plan.field.believe(observations), plan.measured(), plan.options.objective,
                             plan.policy, plan.options.seed);
  if (implementation_->is_full_race() && race_is_complete(plan)) {
    const Choice by_default = decision.default_choice;
    decision = decide_race(plan);
    decision.default_choice = by_default;
    return decision;
  }
  if (!implementation_->is_full_race()) choose_among_full_runs(plan, decision);
  const double more =
      std::isinf(plan.options.budget_runs) ? kBudgetOfMore : std::max(plan.options.budget_runs, kBudgetOfMore);
  decision.expected_gain_of_more = 1.0 - std::exp2(-gain_of_a_round(plan, more));
  return decision;
}

const PlannerOptions& Planner::options() const { return implementation_->plan.options; }
const std::vector<Candidate>& Planner::candidates() const { return implementation_->plan.field.candidates(); }

void Planner::set_budget(double budget_runs) {
  Plan& plan = implementation_->plan;
  PlannerOptions options = plan.options;
  options.budget_runs = budget_runs;
  options.validate();
  for (const PlanEntry& entry : plan.entries) {
    if (entry.state == PlanEntry::State::under_way)
      throw std::invalid_argument("run " + std::to_string(entry.run.id) +
                                  " is under way, must be told or lost before the budget changes");
  }
  std::erase_if(plan.entries, [](const PlanEntry& e) { return e.state == PlanEntry::State::ready; });
  plan.options = options;
  implementation_->advance();
}

std::string Planner::state() const { return planner_state(implementation_->plan); }

Planner Planner::from_state(std::string_view json) {
  Plan plan = plan_from_state(json, make_plan);
  auto implementation = std::make_unique<Implementation>(Implementation{std::move(plan)});
  if (implementation->plan.all_told()) implementation->advance();
  return Planner(std::move(implementation));
}

}  // namespace normdescent
