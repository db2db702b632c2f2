// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/json_lines.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/train/checkpoint.hpp"

namespace normdescent {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kMetricsFile = "metrics.jsonl";

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

/// Turns the loop's events into lines of metrics.jsonl and checkpoints.
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
  Recorder(Context context, std::uint64_t metrics_bytes)
      : context_(std::move(context)), lines_(context_.folder / kMetricsFile, metrics_bytes) {}

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
    const std::int64_t every = context_.options.checkpoint_every;
    if (every > 0 && position.step % every == 0 && position.step < context_.options.steps) save(position);
  }

  void save(const TrainingPosition& position) {
    const auto path = write_checkpoint(
        context_.folder, {.identity = context_.identity, .position = position, .metrics_bytes = lines_.bytes()},
        context_.objective, context_.optimizer);
    context_.observer.on_checkpoint(path);
    last_time_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void write_row() {
    lines_.append(row_.to_json());
    context_.observer.on_metrics(row_);
  }

  Context context_;
  JsonLinesWriter lines_;
  TrainingMetrics row_;
  Clock::time_point last_time_ = Clock::now();
};

}  // namespace

void TrainerOptions::validate() const {
  training_options(*this).validate();
  const auto refuse = [](const char* field, std::int64_t value, const char* domain) {
    throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + domain);
  };
  if (checkpoint_every < 0) refuse("checkpoint_every", checkpoint_every, "0 (only at the end) or more");
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
                             .steps = options.steps,
                             .batch_size = problem.batch_size(),
                             .seed = options.seed};
  Checkpoint start;
  if (options.resume) {
    const auto found = find_checkpoint(folder.path());
    if (!found) throw UserError("no checkpoint in " + folder.path().string(), "start the run without resume");
    start = read_checkpoint(*found, identity, *objective, optimizer);
    observer.on_resume(start.position.step);
  }

  Recorder recorder({.options = options,
                     .identity = identity,
                     .folder = folder.path(),
                     .objective = *objective,
                     .optimizer = optimizer,
                     .observer = observer},
                    start.metrics_bytes);
  TrainingPosition position = start.position;
  TrainingReport report =
      train_once(*objective, optimizer, problem.batch_size(), training_options(options), position, recorder, stop);
  if (report.status != RunStatus::diverged) recorder.save(position);
  return report;
}

}  // namespace normdescent
