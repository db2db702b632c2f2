// SPDX-License-Identifier: Apache-2.0
// train: one training run with one optimizer, with metrics, checkpoints and resume.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>

#include "commands.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/memory_use.hpp"
#include "normdescent/train/model_record.hpp"
#include "normdescent/train/throughput.hpp"
#include "train_options.hpp"
#include "train_progress.hpp"
#include "training_estimate.hpp"

#include <omp.h>

namespace normdescent::cli {
namespace {

struct Outcome {
  TrainingReport report;
  TrainingMetrics last;
  double tokens_per_second = 0.0;
  double matrix_peak = 0.0;
  double share_of_peak = 0.0;
  std::int64_t events = 0;
  int processes = 1;
  Traffic sent;  ///< by rank 0
};

void print_json(const TrainCommandOptions& options, const Outcome& outcome, const RunFolder& folder,
                std::ostream& out) {
  const auto& [report, last, tokens_per_second, matrix_peak, share_of_peak, events, processes, sent] = outcome;
  // NaN and infinity become null.
  out << nlohmann::json{{"model", options.task.model_name()},
                        {"optimizer", options.optimizer},
                        {"learning_rate", last.learning_rate},
                        {"status", to_string(report.status)},
                        {"reason", report.reason},
                        {"steps", report.steps_done},
                        {"tokens", last.tokens},
                        {"first_loss", report.first_loss},
                        {"final_loss", report.final_loss},
                        {"tokens_per_second", tokens_per_second},
                        {"matrix_peak_flops", matrix_peak},
                        {"share_of_matrix_peak", share_of_peak},
                        {"events", events},
                        {"peak_memory_bytes", peak_memory().value_or(0)},
                        {"processes", processes},
                        {"bytes_sent", sent.bytes},
                        {"folder", folder.path().string()}}
      << '\n';
}

void print_text(const TrainCommandOptions& options, const Outcome& outcome, const RunFolder& folder,
                std::ostream& out) {
  const TrainingReport& report = outcome.report;
  out << options.task.model_name() << " with " << options.optimizer << ": " << to_string(report.status) << " after "
      << report.steps_done << " steps, " << grouped(outcome.last.tokens) << " tokens ("
      << fixed(outcome.tokens_per_second, 0) << " a second, " << fixed(100.0 * outcome.share_of_peak, 0)
      << "% of the matrix peak of " << significant(outcome.matrix_peak / 1e9) << " GFLOP/s)\n"
      << "validation loss " << fixed(report.first_loss, 4) << " at the start, " << fixed(report.final_loss, 4)
      << " at the end\n";
  if (outcome.processes > 1)
    out << outcome.processes << " processes; each sent about "
        << fixed(static_cast<double>(outcome.sent.bytes) / 1e6, 1) << " MB\n";
  out << folder.path().string() << '\n';
}

/// The exit code, and on standard error what went wrong.
int conclude(const TrainingReport& report, const RunFolder& folder, std::ostream& err) {
  switch (report.status) {
    case RunStatus::completed: return kDone;
    case RunStatus::diverged: {
      const auto good = find_checkpoint(folder.path()).newest;
      err << "normdescent: the run diverged: " << report.reason << "; the last good checkpoint is "
          << (good ? good->string() : "none")
          << "\nhint: a smaller --learning-rate or a --clip may help; --on-nonfinite skip leaves single bad steps "
             "out\n";
      return kFailed;
    }
    default:
      err << "normdescent: interrupted; continue with the same options and --resume " << folder.path().string() << '\n';
      return kFailed;
  }
}

/// Ranks above 0 are silent unless they fail by themselves.
int follow_training(const TrainCommandOptions& options, const OptimizerSpec& spec, const Problem& problem,
                    Session& session) {
  const auto report = follow(problem, spec, options.trainer, options.resume, session.stop);
  return report.status == RunStatus::completed ? kDone : kFailed;
}

int run_training(const CLI::App& command, TrainCommandOptions options, Session& session) {
  if (options.preset == "list") {
    print_presets(options.json, session.out);
    return kDone;
  }
  apply_preset(command, options);
  const auto settings = resolved_settings(options);
  const OptimizerSpec spec = make_optimizer(options.optimizer, settings);
  if (options.explain) {
    explain_options(command, options, session.out);
    return kDone;
  }
  const auto place = find_place(options.processes);
  if (!place && options.processes.processes > 1 && !options.estimate) return launch(options.processes, session);
  if (place && command.count("--threads") == 0) options.threads = threads_of_one(*place);
  const LanguageModelTask task = make_task(options.task);
  options.trainer.tokens_per_example = task.options.context;
  options.trainer.task = task.facts();
  for (const auto& [name, value] : settings) {
    if (name != "learning_rate") options.trainer.task["set " + name] = value;
  }
  if (options.processes.majority_vote) options.trainer.task["gradients"] = "majority vote";
  options.trainer.resume = !options.resume.empty();
  options.trainer.validate();
  omp_set_num_threads(options.threads);
  if (options.estimate) {
    print_estimate(estimate_training(task.options, spec, options.trainer.background_writes), options.trainer.steps,
                   options.trainer.tokens_per_example * options.task.batch, options.json, session.out);
    return kDone;
  }
  std::unique_ptr<ConnectedTeam> connected;
  if (place && place->size > 1) {
    connected = connect(options.processes, *place);
    options.trainer.team = &connected->team;
    if (place->rank > 0) return follow_training(options, spec, *task.problem, session);
  }
  const RunFolder folder =
      options.trainer.resume ? RunFolder::open(options.resume) : RunFolder::create(output_folder(options.out, "train"));
  if (!options.trainer.resume) {
    write_model_record(folder.path(), {.shape = task.options.shape,
                                       .tokenizer = keep_tokenizer(folder.path(), tokenizer_of_data(options.task)),
                                       .command_line = session.command_line});
  }

  Outcome outcome;
  outcome.processes = place ? place->size : 1;
  outcome.matrix_peak = outcome.processes * matrix_peak(task.options.precision);  // the machines are alike
  {
    TrainProgress progress(session, {.steps = options.trainer.steps,
                                     .flops_per_token = flops_per_token(task.options.shape, task.options.context),
                                     .matrix_peak = outcome.matrix_peak});
    try {
      outcome.report = train(*task.problem, spec, options.trainer, folder, progress, session.stop);
    } catch (const ProcessGroupError& error) {
      session.err << "normdescent: " << error.what()
                  << "\nhint: continue with the same options, also with another number of processes, and --resume "
                  << folder.path().string() << '\n';
      return kFailed;
    }
    outcome.last = progress.last();
    outcome.tokens_per_second = progress.tokens_per_second();
    outcome.share_of_peak = progress.share_of_peak();
    outcome.events = progress.events();
  }
  if (connected) outcome.sent = connected->group->traffic();
  (options.json ? print_json : print_text)(options, outcome, folder, session.out);
  return conclude(outcome.report, folder, session.err);
}

}  // namespace

void add_train(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("train", "Train one model with one optimizer");
  const auto options = std::make_shared<TrainCommandOptions>();
  add_train_options(*command, *options);
  command->callback([&chosen, command, options] {
    chosen = [command, options](Session& session) {
      try {
        return run_training(*command, *options, session);
      } catch (const UserError&) {
        if (is_told_by_rank_0()) return static_cast<int>(kBadUsage);
        throw;
      } catch (const std::invalid_argument&) {
        if (is_told_by_rank_0()) return static_cast<int>(kBadUsage);
        throw;
      }
    };
  });
}

}  // namespace normdescent::cli
