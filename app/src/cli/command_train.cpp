// SPDX-License-Identifier: Apache-2.0
// train: one training run with one optimizer, with metrics, checkpoints and resume.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/memory_use.hpp"
#include "normdescent/train/model_record.hpp"
#include "normdescent/train/throughput.hpp"
#include "normdescent/train/training_record.hpp"
#include "recorded_options.hpp"
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

void print_outcome_json(const TrainCommandOptions& options, const Outcome& outcome, const RunFolder& folder,
                        std::ostream& out) {
  const auto& [report, last, tokens_per_second, matrix_peak, share_of_peak, events, processes, sent] = outcome;
  // NaN and infinity become null.
  print_document(out, nlohmann::json{{"model", utf8_text(options.task.model_name())},
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
                                     {"folder", utf8_text(folder.path().string())}});
}

void print_outcome_text(const TrainCommandOptions& options, const Outcome& outcome, const RunFolder& folder,
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
      err << "normdescent: interrupted; continue with train --resume " << folder.path().string() << '\n';
      return kFailed;
  }
}

/// Ranks above 0 are silent unless they fail by themselves.
int follow_training(const TrainCommandOptions& options, const OptimizerSpec& spec, const Problem& problem,
                    Session& session) {
  const auto report = follow(problem, spec, options.trainer, options.resume, session.stop);
  return report.status == RunStatus::completed ? kDone : kFailed;
}

/// What a run is made of, before its data is read.
struct Plan {
  TrainCommandOptions options;
  TrainingRecord record;
  std::map<std::string, std::string> settings;
  OptimizerSpec spec;
};

/// The options of the command line, or those of the run that it continues.
Plan make_plan(const CLI::App& command, TrainCommandOptions options, const Session& session) {
  options.trainer.resume = !options.resume.empty();
  std::optional<TrainingRecord> record;
  if (options.trainer.resume && holds_training_record(options.resume)) {
    record = read_training_record(options.resume);
    options = resumed_options(command, options, *record);
    options.trainer.resume = true;
  } else {
    apply_preset(command, options);
  }
  const auto settings = resolved_settings(options);
  OptimizerSpec spec = make_optimizer(options.optimizer, settings);
  TrainingRecord now = record_of(options, session.command_line);
  if (record) {
    // A version with other defaults would train something else.
    for (const auto& [name, value] : record->optimizer) {
      if (now.optimizer[name] != value)
        throw UserError("the run in " + options.resume + " has " + name + " = " + value + ", which is " +
                            now.optimizer[name] + " by default in this version of the program",
                        "continue it with the version that began it");
    }
    now.command_line = record->command_line;
    now.scale = record->scale;
    now.identity = record->identity;
  }
  return {.options = std::move(options), .record = std::move(now), .settings = settings, .spec = std::move(spec)};
}

/// The folder of the run that goes on.
RunFolder open_run(const std::string& path) {
  RunFolder folder = RunFolder::open(path);
  if (holds_training_record(folder.path())) return folder;
  // An earlier version recorded nothing, but its checkpoints say whose they are.
  const auto search = find_checkpoint(folder.path());
  if (!search.newest && search.damaged.empty())
    throw UserError(
        "no run has begun in " + folder.path().string() + ": neither " + kRunRecordFile + " nor a checkpoint is there",
        "start it with its options in another folder, or empty this one");
  return folder;
}

/// The run's record is the first to know what it trains on; a run that goes on must be the recorded one.
void settle_identity(const RunFolder& folder, TrainingRecord& record, const RunIdentity& identity,
                     const TrainerOptions& trainer) {
  const bool is_lengthened = record.identity && record.identity->steps < identity.steps;
  if (record.identity) {
    RunIdentity expected = identity;
    if (is_lengthened) expected.steps = record.identity->steps;
    require_same_run(folder.path(), *record.identity, expected);
  } else if (const auto newest = find_checkpoint(folder.path()).newest) {  // of a version that recorded nothing
    require_same_run(*newest, read_position(*newest).identity, identity);
  }
  if (is_lengthened) {
    const auto newest = find_checkpoint(folder.path()).newest;
    const std::int64_t done = newest ? read_position(*newest).position.step : 0;
    if (!can_lengthen(trainer, record.identity->steps, done))
      throw UserError("--steps " + std::to_string(identity.steps) + " cannot lengthen the run: it was planned with " +
                          std::to_string(record.identity->steps) + ", and the learning rate of the first " +
                          std::to_string(done) + " would have been another (" + to_string(trainer.decay) + ")",
                      "only a constant schedule, or one that has not begun to decay, can be lengthened");
  }
  record.identity = identity;
  write_training_record(folder.path(), record);
}

/// What can still be continued from, after an exception.
void tell_what_is_kept(const RunFolder& folder, std::ostream& err) {
  const auto newest = find_checkpoint(folder.path()).newest;
  err << "normdescent: the run ended early; " << (newest ? newest->string() + " is kept" : "it had no checkpoint yet")
      << "; continue with train --resume " << folder.path().string() << '\n';
}

/// Trains in the folder, and says how that ended.
int train_in(const RunFolder& folder, const Plan& plan, const LanguageModelTask& task, ConnectedTeam* connected,
             Session& session) {
  const TrainCommandOptions& options = plan.options;
  Outcome outcome;
  outcome.processes = connected != nullptr ? connected->group->size() : 1;
  outcome.matrix_peak = outcome.processes * matrix_peak(task.options.precision);  // the machines are alike
  {
    TrainProgress progress(session, {.steps = options.trainer.steps,
                                     .flops_per_token = flops_per_token(task.options.shape, task.options.context),
                                     .matrix_peak = outcome.matrix_peak});
    try {
      outcome.report = train(*task.problem, plan.spec, options.trainer, folder, progress, session.stop);
    } catch (const ProcessGroupError& error) {
      session.err << "normdescent: " << error.what()
                  << "\nhint: start as many processes as you like, all with train --resume " << folder.path().string()
                  << '\n';
      return kFailed;
    } catch (...) {
      progress.clear();
      if (progress.last().tokens > 0) tell_what_is_kept(folder, session.err);
      throw;
    }
    outcome.last = progress.last();
    outcome.tokens_per_second = progress.tokens_per_second();
    outcome.share_of_peak = progress.share_of_peak();
    outcome.events = progress.events();
  }
  if (connected != nullptr) outcome.sent = connected->group->traffic();
  (options.json ? print_outcome_json : print_outcome_text)(options, outcome, folder, session.out);
  return conclude(outcome.report, folder, session.err);
}

int run_training(const CLI::App& command, const TrainCommandOptions& typed, Session& session) {
  if (typed.preset == "list") {
    print_presets(typed.json, session.out);
    return kDone;
  }
  const auto place = find_place(typed.processes);
  const bool is_follower = place && place->rank > 0;
  const bool only_tells = typed.explain || typed.estimate;
  std::optional<RunFolder> folder;
  // Before its record is read: another process may be changing it.
  if (!typed.resume.empty() && !is_follower && !only_tells) folder = open_run(typed.resume);
  Plan plan = make_plan(command, typed, session);
  TrainCommandOptions& options = plan.options;
  if (options.explain) {
    explain_options(command, options, session.out);
    return kDone;
  }
  if (place && command.count("--threads") == 0) options.threads = threads_of_one(*place);
  options.trainer.validate();
  if (!options.trainer.resume && !is_follower && !only_tells)
    folder = RunFolder::create(output_folder(options.out, "train"), {{kRunRecordFile, plan.record.to_json()}});
  try {
    const LanguageModelTask task = make_task(options.task);
    options.trainer.tokens_per_example = task.options.context;
    options.trainer.task = task.facts();
    for (const auto& [name, value] : plan.settings) {
      if (name != "learning_rate") options.trainer.task["set " + name] = value;
    }
    if (options.processes.majority_vote) options.trainer.task["gradients"] = "majority vote";
    omp_set_num_threads(options.threads);
    if (options.estimate) {
      print_estimate(estimate_training(task.options, plan.spec, options.trainer.background_writes),
                     options.trainer.steps, options.trainer.tokens_per_example * options.task.batch, options.json,
                     session.out);
      return kDone;
    }
    std::unique_ptr<ConnectedTeam> connected;
    if (place && place->size > 1) {
      connected = connect(options.processes, *place);
      options.trainer.team = &connected->team;
      if (is_follower) return follow_training(options, plan.spec, *task.problem, session);
    }
    settle_identity(*folder, plan.record, identity_of(*task.problem, plan.spec, options.trainer), options.trainer);
    if (!holds_model_record(folder->path())) {
      write_model_record(folder->path(), {.shape = task.options.shape,
                                          .tokenizer = keep_tokenizer(folder->path(), tokenizer_of_data(options.task)),
                                          .command_line = plan.record.command_line});
    }
    return train_in(*folder, plan, task, connected.get(), session);
  } catch (...) {
    if (folder && !options.trainer.resume && !std::filesystem::exists(folder->path() / kMetricsFile)) folder->abandon();
    throw;
  }
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
