// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/event_file.hpp"
#include "normdescent/io/json_lines.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/train/checkpoint.hpp"

namespace normdescent {

namespace {

constexpr std::int64_t kNothingSaved = -1;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TrainingOptions training_options(const TrainerOptions& options) {
  return {.steps = options.steps,
          .warmup_fraction = options.warmup_fraction,
          .decay = options.decay,
          .evaluate_every = options.evaluate_every,
          .divergence_factor = options.divergence_factor,
          .stream = training_stream(options.seed)};
}

void set_gradient_norms(std::span<const Parameter> parameters, TrainingMetrics& metrics) {
  std::vector<double> norms;
  for (const auto& parameter : parameters) {
    metrics.grad_norm_l1 += norm1(parameter.gradient);
    norms.push_back(norm2(parameter.gradient));
    metrics.grad_norm_linf = std::max(metrics.grad_norm_linf, max_abs(parameter.gradient));
  }
  metrics.grad_norm_l2 = norm2(std::span<const double>(norms));
}

std::vector<Scalar> scalars_of(const TrainingMetrics& metrics) {
  return {{"loss/train", metrics.train_loss},
          {"loss/validation", metrics.val_loss},
          {"learning_rate", metrics.learning_rate},
          {"tokens", static_cast<double>(metrics.tokens)},
          {"tokens_per_second", metrics.tokens_per_second},
          {"gradient/l1", metrics.grad_norm_l1},
          {"gradient/l2", metrics.grad_norm_l2},
          {"gradient/linf", metrics.grad_norm_linf}};
}

/// Turns the loop's events into lines of metrics.jsonl, TensorBoard's records and checkpoints.
class Recorder : public TrainingObserver {
 public:
  struct Context {
    const TrainerOptions& options;
    RunIdentity identity;
    std::filesystem::path folder;
    const Objective& objective;
    const Optimizer<float>& optimizer;
    TrainerObserver& observer;
  };
  Recorder(Context context, const std::optional<Checkpoint>& start)
      : context_(std::move(context)),
        lines_(context_.folder / kMetricsFile, start ? start->metrics_bytes : 0),
        events_(context_.folder, start ? start->position.step : 0),
        writer_(context_.folder, context_.options.keep_checkpoints, context_.options.background_writes),
        saved_step_(start ? start->position.step : kNothingSaved) {}

  void on_step(const TrainingStep& step, Objective& objective) override {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - std::exchange(last_time_, now)).count();
    const auto tokens_per_step = context_.identity.batch_size * context_.options.tokens_per_example;
    row_ = {.step = step.step,
            .tokens = step.step * tokens_per_step,
            .train_loss = step.train_loss,
            .val_loss = kNaN,
            .learning_rate = context_.identity.learning_rate * step.rate_factor,
            .tokens_per_second = static_cast<double>(tokens_per_step) / std::max(seconds, 1e-9)};
    set_gradient_norms(objective.parameters(), row_);
    if (!step.is_evaluated) write_row();
  }

  void on_evaluation(std::int64_t steps_done, double validation_loss, Objective&) override {
    if (steps_done == 0)
      row_ = {.train_loss = kNaN,
              .learning_rate = kNaN,
              .tokens_per_second = kNaN,
              .grad_norm_l1 = kNaN,
              .grad_norm_l2 = kNaN,
              .grad_norm_linf = kNaN};
    if (row_.step != steps_done) return;  // resumed where nothing was left: its line is there already
    row_.val_loss = validation_loss;
    write_row();
    last_time_ = Clock::now();  // validation is not training time
  }

  void on_position(const TrainingPosition& position) override {
    report(writer_.take_finished());
    const std::int64_t every = context_.options.checkpoint_every;
    if (every > 0 && position.step % every == 0 && position.step < context_.options.steps) save(position);
  }

  /// The checkpoint at the end, and the one that may still be under way.
  void finish(const TrainingPosition& position) {
    save(position);
    report(writer_.wait());
  }
  /// Without one at the end.
  void finish() { report(writer_.wait()); }

 private:
  using Clock = std::chrono::steady_clock;

  void save(const TrainingPosition& position) {
    if (position.step == saved_step_) return;  // it is what the run was resumed from
    lines_.sync();
    report(writer_.wait());
    writer_.save({.identity = context_.identity, .position = position, .metrics_bytes = lines_.bytes()},
                 context_.objective, context_.optimizer);
    report(writer_.take_finished());
    saved_step_ = position.step;
    last_time_ = Clock::now();
  }
  void report(const std::optional<std::filesystem::path>& checkpoint) {
    if (checkpoint) context_.observer.on_checkpoint(*checkpoint);
  }

  void write_row() {
    lines_.append(row_.to_json());
    events_.append(row_.step, scalars_of(row_));
    context_.observer.on_metrics(row_);
  }

  Context context_;
  JsonLinesWriter lines_;
  EventFile events_;
  CheckpointWriter writer_;
  std::int64_t saved_step_;
  TrainingMetrics row_;
  Clock::time_point last_time_ = Clock::now();
};

std::string describe_schedule(const TrainerOptions& options) {
  const Schedule schedule = training_options(options).schedule();
  return std::string(to_string(schedule.decay)) + ", " + std::to_string(schedule.warmup_steps) + " steps of warm-up";
}

/// Whether a run began here and ended before its first checkpoint.
bool holds_a_beginning(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / kMetricsFile)) return true;
  bool holds_partial = false;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".partial") return false;
    holds_partial = true;
  }
  return holds_partial;
}

/// Empty: continue at the start.
std::optional<Checkpoint> resume(const std::filesystem::path& folder, const RunIdentity& identity,
                                 const Objective& objective, Optimizer<float>& optimizer, TrainerObserver& observer) {
  const auto search = find_checkpoint(folder);
  if (!search.newest) {
    if (!search.damaged.empty())
      throw UserError("no checkpoint in " + folder.string() + " is sound; of the newest, " +
                          search.damaged.front().folder.filename().string() + ", " + search.damaged.front().defect,
                      "start the run again in another folder; nothing was changed in this one");
    if (!holds_a_beginning(folder))
      throw UserError("no checkpoint in " + folder.string(), "start the run without resume");
    observer.on_resume(0);
    return std::nullopt;
  }
  Checkpoint checkpoint = read_checkpoint(*search.newest, identity, objective, optimizer);
  for (const auto& damaged : search.damaged) observer.on_damaged_checkpoint(damaged, set_aside(damaged.folder));
  observer.on_resume(checkpoint.position.step);
  return checkpoint;
}

}  // namespace

void TrainerOptions::validate() const {
  training_options(*this).validate();
  const auto refuse = [](const char* field, std::int64_t value, const char* domain) {
    throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + domain);
  };
  if (checkpoint_every < 0) refuse("checkpoint_every", checkpoint_every, "0 (only at the end) or more");
  if (keep_checkpoints < 1) refuse("keep_checkpoints", keep_checkpoints, "at least 1");
  if (tokens_per_example < 1) refuse("tokens_per_example", tokens_per_example, "at least 1");
}

std::string TrainingMetrics::to_json() const {
  // An ordered object, so that the lines read like a table. Non-finite numbers become null.
  const nlohmann::ordered_json json = {{"step", step},
                                       {"tokens", tokens},
                                       {"train_loss", train_loss},
                                       {"val_loss", val_loss},
                                       {"learning_rate", learning_rate},
                                       {"tokens_per_second", tokens_per_second},
                                       {"grad_norm_l1", grad_norm_l1},
                                       {"grad_norm_l2", grad_norm_l2},
                                       {"grad_norm_linf", grad_norm_linf}};
  return json.dump();
}

TrainingReport train(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                     const RunFolder& folder, TrainerObserver& observer, const std::stop_token& stop) {
  options.validate();
  const auto objective = problem.instantiate(options.seed);
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective->parameters()) infos.push_back(parameter.info);
  Optimizer<float> optimizer(spec, std::move(infos));

  const RunIdentity identity{.problem = problem.name(),
                             .optimizer = spec.name,
                             .learning_rate = learning_rate_of(spec),
                             .schedule = describe_schedule(options),
                             .steps = options.steps,
                             .batch_size = problem.batch_size(),
                             .seed = options.seed};
  std::optional<Checkpoint> start;
  if (options.resume) start = resume(folder.path(), identity, *objective, optimizer, observer);

  Recorder recorder({.options = options,
                     .identity = identity,
                     .folder = folder.path(),
                     .objective = *objective,
                     .optimizer = optimizer,
                     .observer = observer},
                    start);
  TrainingPosition position = start ? start->position : TrainingPosition{};
  TrainingReport report =
      train_once(*objective, optimizer, problem.batch_size(), training_options(options), position, recorder, stop);
  if (report.status == RunStatus::diverged) {
    recorder.finish();
  } else {
    recorder.finish(position);
  }
  return report;
}

}  // namespace normdescent
