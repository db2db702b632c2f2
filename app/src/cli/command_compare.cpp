// SPDX-License-Identifier: Apache-2.0
// compare, the main job: probe, predict, race, verdict, report.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "budgeted_compare.hpp"
#include "commands.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/report/report.hpp"
#include "normdescent/train/compare_folder.hpp"
#include "option_checks.hpp"
#include "prediction_text.hpp"
#include "problem_task.hpp"
#include "progress.hpp"
#include "text_table.hpp"

namespace normdescent::cli {
namespace {

struct CompareCommandOptions {
  ProblemOptions task;
  std::string optimizers;
  CompareOptions compare;
  std::string budget = "all";
  std::string out;
  bool json = false;
  bool are_steps_given = false;
};

/// Shows the prediction before the race starts, and how far the work is.
class CompareDisplay final : public CompareObserver {
 public:
  CompareDisplay(Session& session, bool is_quiet)
      : session_(session), is_quiet_(is_quiet), progress_(session.err, session.err_is_terminal) {}

  void on_probe_progress(double fraction, std::string_view phase) override {
    progress_.update("probing", fraction, phase);
  }
  void on_prediction(const ProbeReport& probe, const Prediction& prediction) override {
    if (is_quiet_) return;
    progress_.clear();
    print_geometry(session_.out, probe);
    session_.out << "\nPredicted before the race:\n\n";
    print_prediction(session_.out, prediction);
    session_.out << std::endl;  // now, also into a pipe: the race takes minutes
  }
  void on_progress(int runs_done, int runs_planned) override {
    progress_.update("racing", runs_planned > 0 ? static_cast<double>(runs_done) / runs_planned : 0.0,
                     "run " + std::to_string(runs_done) + " of " + std::to_string(runs_planned));
  }
  void on_run_finished(const RunRecord& run) override {
    if (run.status == RunStatus::diverged && run.is_final) {
      progress_.note(run.contestant + " at learning rate " + significant(run.learning_rate) +
                     " diverged: " + run.reason);
    }
  }

 private:
  Session& session_;
  bool is_quiet_;
  Progress progress_;
};

std::string loss_text(const ContestantResult& contestant) {
  if (contestant.diverged) return "diverged";
  return fixed(contestant.final_loss, 3) + " ± " + fixed(contestant.final_loss_se, 3);
}

std::string over_adamw(const ContestantResult& contestant, std::optional<SpeedupInterval> SpeedupOver::*part) {
  const auto over = std::ranges::find(contestant.speedups, "adamw", &SpeedupOver::baseline);
  return over == contestant.speedups.end() || !((*over).*part) ? "-" : significant(((*over).*part)->value, 2);
}

void print_race(std::ostream& out, const CompareResult& result) {
  using enum TextTable::Align;
  TextTable table({{"optimizer"},
                   {"learning rate", right},
                   {"final loss", right},
                   {"measured speed-up", right},
                   {"predicted", right},
                   {"over adamw", right},
                   {"in time", right},
                   {"ms a step", right},
                   {"state MB", right}});
  for (const auto& contestant : result.race.contestants) {
    std::string predicted = "-";
    for (const auto& p : result.prediction.optimizers) {
      if (p.optimizer == contestant.name) predicted = significant(p.speedup_vs_sgd);
    }
    const auto& speedup = contestant.speedup;
    table.add_row({contestant.name, significant(contestant.learning_rate), loss_text(contestant),
                   speedup ? interval_text(speedup->value, speedup->low, speedup->high) : "-", predicted,
                   over_adamw(contestant, &SpeedupOver::steps), over_adamw(contestant, &SpeedupOver::time),
                   contestant.seconds_per_step > 0.0 ? significant(1e3 * contestant.seconds_per_step) : "-",
                   significant(1e-6 * static_cast<double>(contestant.state_bytes))});
  }
  table.print(out);
  out << '\n' << wrapped(as_sentence(result.verdict), 100) << '\n';
}

int run_compare(CompareCommandOptions options, Session& session) {
  const std::optional<double> budget = parse_budget(options.budget);
  (void)options.compare.contestants();  // wrong names are found before the data is read
  ProblemTask task = make_problem_task(options.task);
  task.description.command_line = session.command_line;
  if (task.steps && !options.are_steps_given) options.compare.race.steps = *task.steps;
  const RunFolder folder = RunFolder::create(output_folder(options.out, "compare"));
  const TaskDescription& description = task.description;
  if (!options.json) session.out << task.headline << '\n' << std::flush;
  if (budget) return run_budgeted_compare(*budget, task, options.compare, folder, options.json, session);
  CompareResult result;
  {
    CompareDisplay display(session, options.json);
    result = compare_into(folder, *task.problem, description, options.compare, display, session.stop);
  }
  const auto page = write_report(folder.path());
  if (options.json) {
    session.out << result_json(result, description, options.compare);
  } else {
    if (!result.race.contestants.empty()) print_race(session.out, result);
    session.out << "report: " << page.string() << '\n';
  }
  if (result.is_complete) return kDone;
  session.err << "normdescent: interrupted; what was measured is in " << folder.path().string() << '\n';
  return kFailed;
}

}  // namespace

void add_compare(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("compare", "Predict which optimizer wins, race them, give the verdict");
  const auto options = std::make_shared<CompareCommandOptions>();
  CompareOptions& compare = options->compare;
  add_problem_options(*command, options->task);
  command->add_option("--optimizers", options->optimizers, "Names of `optimizers list`, separated by commas")
      ->default_str(joined(compare.optimizers))
      ->type_name("NAMES");
  command->add_option("--steps", compare.race.steps, "Steps of every run")
      ->check(integer(1))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--seeds", compare.race.final_seeds, "Final runs of each optimizer")
      ->check(integer(1, 1000))
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option(
          "--budget", options->budget,
          "What the answer may cost, in training runs: \"0.25 run\", 3, or all: measure, predict, race in full")
      ->capture_default_str()
      ->type_name("RUNS");
  add_seed(*command, compare.seed);
  add_threads(*command, compare.threads);
  add_out(*command, options->out, "Run folder; must be new or empty. Default: runs/compare-N");
  add_json(*command, options->json);
  command->callback([&chosen, command, options] {
    finish_problem_options(*command, options->task);
    options->are_steps_given = command->count("--steps") > 0;
    if (command->count("--optimizers") > 0) options->compare.optimizers = parse_optimizers(options->optimizers);
    chosen = [options](Session& session) { return run_compare(*options, session); };
  });
}

}  // namespace normdescent::cli
