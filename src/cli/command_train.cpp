// SPDX-License-Identifier: Apache-2.0
// train: one training run with one optimizer, with metrics, checkpoints and resume.
#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include <omp.h>

#include "commands.hpp"
#include "language_model_task.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/memory_use.hpp"
#include "normdescent/train/trainer.hpp"
#include "option_checks.hpp"
#include "progress.hpp"
#include "training_estimate.hpp"

namespace normdescent::cli {
namespace {

struct TrainCommandOptions {
  LanguageModelOptions task;
  std::string optimizer = "muon";
  std::vector<std::string> settings;
  std::string learning_rate;  ///< as typed; empty: the optimizer's default
  TrainerOptions trainer;
  std::string out;
  std::string resume;
  int threads = 1;
  bool json = false;
  bool estimate = false;
};

class TrainProgress final : public TrainerObserver {
 public:
  TrainProgress(Session& session, std::int64_t steps)
      : progress_(session.err, session.err_is_terminal), steps_(steps) {}

  void on_damaged_checkpoint(const DamagedCheckpoint& damaged, const std::filesystem::path& moved_to) override {
    progress_.note(damaged.folder.filename().string() + " is not used: " + damaged.defect + "; it is now " +
                   moved_to.filename().string());
  }
  void on_resume(std::int64_t step) override { progress_.note("continuing after step " + std::to_string(step)); }
  void on_metrics(const TrainingMetrics& metrics) override {
    last_ = metrics;
    if (std::isfinite(metrics.val_loss)) {
      progress_.note("step " + std::to_string(metrics.step) + ": validation loss " + fixed(metrics.val_loss, 4));
    }
    progress_.update("training", static_cast<double>(metrics.step) / static_cast<double>(steps_),
                     std::isfinite(metrics.train_loss) ? "loss " + fixed(metrics.train_loss, 3) : "");
  }
  void on_checkpoint(const std::filesystem::path& folder) override { progress_.note("saved " + folder.string()); }

  [[nodiscard]] const TrainingMetrics& last() const { return last_; }

 private:
  Progress progress_;
  std::int64_t steps_;
  TrainingMetrics last_;
};

void print_json(const TrainCommandOptions& options, const TrainingReport& report, const TrainingMetrics& last,
                const RunFolder& folder, std::ostream& out) {
  // NaN and infinity become null.
  out << nlohmann::json{{"model", options.task.model},
                        {"optimizer", options.optimizer},
                        {"learning_rate", last.learning_rate},
                        {"status", to_string(report.status)},
                        {"reason", report.reason},
                        {"steps", report.steps_done},
                        {"tokens", last.tokens},
                        {"first_loss", report.first_loss},
                        {"final_loss", report.final_loss},
                        {"tokens_per_second", last.tokens_per_second},
                        {"peak_memory_bytes", peak_memory().value_or(0)},
                        {"folder", folder.path().string()}}
      << '\n';
}

void print_text(const TrainCommandOptions& options, const TrainingReport& report, const TrainingMetrics& last,
                const RunFolder& folder, std::ostream& out) {
  out << options.task.model << " with " << options.optimizer << ": " << to_string(report.status) << " after "
      << report.steps_done << " steps, " << grouped(last.tokens) << " tokens (" << fixed(last.tokens_per_second, 0)
      << " a second)\n"
      << "loss " << fixed(report.first_loss, 4) << " at the start, validation loss " << fixed(report.final_loss, 4)
      << " at the end\n"
      << folder.path().string() << '\n';
}

int run_training(TrainCommandOptions options, Session& session) {
  auto settings = parse_settings(options.settings);
  if (!options.learning_rate.empty() && !settings.emplace("learning_rate", options.learning_rate).second) {
    throw UserError("the learning rate is given twice", "use either --learning-rate or --set learning_rate=VALUE");
  }
  const OptimizerSpec spec = make_optimizer(options.optimizer, settings);
  const LanguageModelTask task = make_task(options.task);
  options.trainer.tokens_per_example = task.options.context;
  options.trainer.resume = !options.resume.empty();
  options.trainer.validate();
  omp_set_num_threads(options.threads);
  if (options.estimate) {
    print_estimate(estimate_training(task.options, spec, options.trainer.background_writes), options.trainer.steps,
                   options.trainer.tokens_per_example * options.task.batch, options.json, session.out);
    return kDone;
  }
  const RunFolder folder =
      options.trainer.resume ? RunFolder::open(options.resume) : RunFolder::create(output_folder(options.out, "train"));

  TrainingReport report;
  TrainingMetrics last;
  {
    TrainProgress progress(session, options.trainer.steps);
    report = train(*task.problem, spec, options.trainer, folder, progress, session.stop);
    last = progress.last();
  }
  (options.json ? print_json : print_text)(options, report, last, folder, session.out);
  switch (report.status) {
    case RunStatus::completed: return kDone;
    case RunStatus::diverged:
      session.err << "normdescent: the run diverged: " << report.reason
                  << "\nhint: a smaller --learning-rate may help\n";
      return kFailed;
    default:
      session.err << "normdescent: interrupted; continue with the same options and --resume " << folder.path().string()
                  << '\n';
      return kFailed;
  }
}

}  // namespace

void add_train(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("train", "Train one model with one optimizer");
  const auto options = std::make_shared<TrainCommandOptions>();
  add_task_options(*command, options->task);
  command->add_option("--optimizer", options->optimizer, "A name of `optimizers list`")
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--learning-rate", options->learning_rate, "Peak rate; default: the optimizer's")
      ->check(positive_number())
      ->type_name("X");
  add_settings(*command, options->settings);
  TrainerOptions& trainer = options->trainer;
  command->add_option("--steps", trainer.steps, "Steps of the whole run")
      ->check(whole_number(1))
      ->capture_default_str()
      ->type_name("N");
  std::map<std::string, Decay> schedules;
  std::string names;
  for (const auto name : decay_names()) {
    schedules.emplace(name, *parse_decay(name));
    names.append(names.empty() ? "" : ", ").append(name);
  }
  command->add_option("--schedule", trainer.decay, "How the rate decays: " + names)
      ->transform(CLI::Transformer(schedules))
      ->default_str(to_string(trainer.decay))
      ->type_name("NAME");
  command->add_option("--evaluate-every", trainer.evaluate_every, "Steps between validations; 0: only at the end")
      ->check(whole_number(0))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--checkpoint-every", trainer.checkpoint_every, "Steps between checkpoints; 0: only at the end")
      ->check(whole_number(0))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--monitor", trainer.monitor_every, "Steps between measurements of gradient noise; 0: none")
      ->check(whole_number(0))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--keep-checkpoints", trainer.keep_checkpoints, "How many of the newest to keep")
      ->check(whole_number(1, 1000))
      ->capture_default_str()
      ->type_name("K");
  command
      ->add_option("--background-checkpoints", trainer.background_writes,
                   "Write them while training goes on: auto (large ones, if memory allows), always, never")
      ->transform(CLI::Transformer(std::map<std::string, BackgroundWrites>{{"auto", BackgroundWrites::automatic},
                                                                           {"always", BackgroundWrites::always},
                                                                           {"never", BackgroundWrites::never}}))
      ->default_str("auto")
      ->type_name("WHEN");
  add_seed(*command, trainer.seed);
  add_threads(*command, options->threads);
  auto* const out = add_out(*command, options->out, "Run folder; must be new or empty. Default: runs/train-N");
  command->add_option("--resume", options->resume, "Continue the run in this folder; all other options as they were")
      ->type_name("DIR")
      ->excludes(out);
  command->add_flag("--estimate", options->estimate, "Say what memory and time the run will take, and do not run it");
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return run_training(*options, session); }; });
}

}  // namespace normdescent::cli
