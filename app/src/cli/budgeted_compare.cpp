// SPDX-License-Identifier: Apache-2.0
#include "budgeted_compare.hpp"

#include <cmath>
#include <ostream>

#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/compare/decision_json.hpp"
#include "progress.hpp"
#include "text_table.hpp"

namespace normdescent::cli {

namespace {

class BudgetDisplay final : public RaceObserver {
 public:
  explicit BudgetDisplay(Session& session) : progress_(session.err, session.err_is_terminal) {}
  void on_progress(int runs_done, int runs_planned) override {
    progress_.update("runs", runs_planned > 0 ? static_cast<double>(runs_done) / runs_planned : 0.0,
                     "run " + std::to_string(runs_done));
  }

 private:
  Progress progress_;
};

std::string speedup_text(const std::optional<Speedup>& speedup) {
  if (!speedup) return "-";
  return significant(speedup->value, 2) + " [" + significant(speedup->low, 2) + ", " + significant(speedup->high, 2) +
         "]";
}

void print_decision(std::ostream& out, const PlannedRaceResult& result) {
  using enum TextTable::Align;
  TextTable table({{"optimizer"},
                   {"rate", right},
                   {"best with", right},
                   {"regret", right},
                   {"over adamw, steps", right},
                   {"time", right},
                   {"ms a step", right}});
  const Decision& decision = result.decision;
  for (const CandidateDecision& one : decision.candidates) {
    table.add_row({one.name + (one.name == decision.choice.name ? " *" : ""), significant(one.learning_rate),
                   fixed(100.0 * one.probability_best, 0) + "%", significant(one.expected_regret),
                   speedup_text(one.speedup_steps), speedup_text(one.speedup_time),
                   one.seconds_per_step > 0.0 ? significant(1e3 * one.seconds_per_step) : "-"});
  }
  table.print(out);
  out << "\nUse " << decision.choice.name << " at learning rate " << significant(decision.choice.learning_rate)
      << (decision.winner ? "; it wins" : "; no winner beyond doubt") << ". Cost: " << significant(result.cost_runs, 2)
      << " runs; as much again is expected to save " << significant(100.0 * decision.expected_gain_of_more, 2)
      << "% of the steps.\n";
  for (const std::string& reason : decision.reasons) out << "  - " << wrapped(reason, 100, 4) << '\n';
}

}  // namespace

std::optional<double> parse_budget(const std::string& text) {
  if (text == "all") return std::nullopt;
  std::size_t end = 0;
  double value = -1.0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  std::string unit = text.substr(end);
  while (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
  if (end == 0 || !std::isfinite(value) || value < 0.0 || !(unit.empty() || unit == "run" || unit == "runs"))
    throw UserError("--budget = " + text + ", must be a number of runs or all", "for example --budget \"0.25 run\"");
  return value;
}

int run_budgeted_compare(double budget, const ProblemTask& task, const CompareOptions& options, const RunFolder& folder,
                         bool json, Session& session) {
  PlannedRaceOptions race;
  race.planner.steps = options.race.steps;
  race.planner.budget_runs = budget;
  race.planner.seed = options.seed;
  race.warmup_fraction = options.race.warmup_fraction;
  race.decay = options.race.decay;
  race.divergence_factor = options.race.divergence_factor;
  race.threads = options.threads;
  const std::vector<Contestant> contestants = options.contestants();
  PlannedRaceResult result;
  {
    BudgetDisplay display(session);
    result = planned_race(*task.problem, contestants, race, display, session.stop);
  }
  const std::string text = decision_json(result, task.description, race.planner);
  folder.write_result(text);
  if (json) {
    session.out << text;
  } else {
    print_decision(session.out, result);
    session.out << "result: " << (folder.path() / "result.json").string() << '\n';
  }
  return result.was_stopped ? kFailed : kDone;
}

}  // namespace normdescent::cli
