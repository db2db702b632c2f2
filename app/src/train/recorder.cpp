// SPDX-License-Identifier: Apache-2.0
#include "recorder.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "member.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/base/text.hpp"

namespace normdescent {

namespace {

constexpr std::int64_t kNothingSaved = -1;

std::vector<Scalar> scalars_of(const TrainingMetrics& metrics) {
  std::vector<Scalar> scalars = {{"loss/train", metrics.train_loss},
                                 {"loss/validation", metrics.val_loss},
                                 {"learning_rate", metrics.learning_rate},
                                 {"tokens", static_cast<double>(metrics.tokens)},
                                 {"tokens_per_second", metrics.tokens_per_second},
                                 {"gradient/l1", metrics.grad_norm_l1},
                                 {"gradient/l2", metrics.grad_norm_l2},
                                 {"gradient/linf", metrics.grad_norm_linf}};
  if (metrics.noise) {
    scalars.push_back({"noise/density", metrics.noise->density});
    scalars.push_back({"noise/l1", metrics.noise->l1});
    scalars.push_back({"noise/l2", metrics.noise->l2});
    scalars.push_back({"noise/critical_batch_l2", metrics.noise->critical_batch_l2});
    scalars.push_back({"noise/critical_batch_sign", metrics.noise->critical_batch_sign});
    scalars.push_back({"noise/sign_agreement", metrics.noise->sign_agreement});
    scalars.push_back({"noise/spectral", metrics.noise->spectral});
    scalars.push_back({"noise/spectral_density", metrics.noise->spectral_density});
    scalars.push_back({"step/gain", metrics.noise->step_gain});
    scalars.push_back({"step/curvature_l2", metrics.noise->step_curvature_l2});
    scalars.push_back({"step/curvature_linf", metrics.noise->step_curvature_linf});
    scalars.push_back({"step/best_multiple", metrics.noise->best_step_multiple});
  }
  return scalars;
}

}  // namespace

std::string TrainingMetrics::to_json() const {
  // An ordered object, so that the lines read like a table. Non-finite numbers become null.
  nlohmann::ordered_json json = {{"step", step},
                                 {"tokens", tokens},
                                 {"train_loss", train_loss},
                                 {"val_loss", val_loss},
                                 {"learning_rate", learning_rate},
                                 {"tokens_per_second", tokens_per_second},
                                 {"grad_norm_l1", grad_norm_l1},
                                 {"grad_norm_l2", grad_norm_l2},
                                 {"grad_norm_linf", grad_norm_linf}};
  if (noise) {
    json["noise_density"] = noise->density;
    json["noise_density_se"] = noise->density_error;
    json["noise_l1"] = noise->l1;
    json["noise_l2"] = noise->l2;
    json["critical_batch_l2"] = noise->critical_batch_l2;
    json["critical_batch_sign"] = noise->critical_batch_sign;
    json["sign_agreement"] = noise->sign_agreement;
    json["noise_spectral"] = noise->spectral;
    json["noise_spectral_density"] = noise->spectral_density;
    json["noise_spectral_density_se"] = noise->spectral_density_error;
    json["matrices_measured"] = noise->matrices_measured;
    json["step_gain"] = noise->step_gain;
    json["step_gain_se"] = noise->step_gain_error;
    json["step_curvature_l2"] = noise->step_curvature_l2;
    json["step_curvature_linf"] = noise->step_curvature_linf;
    json["best_step_multiple"] = noise->best_step_multiple;
    json["best_step_multiple_se"] = noise->best_step_multiple_error;
    if (!noise->because.empty()) json["noise_because"] = noise->because;
  }
  if (!events.empty()) json["events"] = events;
  return json.dump();
}

namespace train_detail {

Recorder::Recorder(Context context, const std::optional<Checkpoint>& start)
    : context_(std::move(context)),
      lines_(context_.folder / kMetricsFile, start ? start->metrics_bytes : 0),
      events_(context_.folder, start ? start->position.step : 0),
      writer_(context_.folder, context_.options.keep_checkpoints, context_.options.background_writes),
      saved_step_(start ? start->position.step : kNothingSaved) {
  if (!start) return;
  remember_losses();
  if (context_.monitored == nullptr) return;
  if (const auto state = read_monitor(context_.folder, start->position.step))
    context_.monitored->monitor().load_state(*state);
}

bool Recorder::on_gradients(const Objective& objective) {
  norms_ = gradient_norms(objective.parameters());
  is_between_steps_ = false;
  return std::isfinite(norms_->linf);
}

void Recorder::on_step(const TrainingStep& step, Objective& objective) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - std::exchange(last_time_, now)).count();
  const auto tokens_per_step = context_.identity.batch_size * context_.options.tokens_per_example;
  row_ = {.step = step.step,
          .tokens = step.step * tokens_per_step,
          .train_loss = step.train_loss,
          .val_loss = kNaN,
          .learning_rate = context_.identity.learning_rate * step.rate_factor,
          .tokens_per_second = static_cast<double>(tokens_per_step) / std::max(seconds, 1e-9)};
  if (!norms_) norms_ = gradient_norms(objective.parameters());
  const GradientNorms norms = *std::exchange(norms_, std::nullopt);
  row_.grad_norm_l1 = norms.l1;
  row_.grad_norm_l2 = norms.l2;
  row_.grad_norm_linf = norms.linf;
  if (context_.monitored != nullptr) row_.noise = context_.monitored->take_noise();
  if (!step.fault.empty()) row_.events.push_back("step skipped: " + step.fault);
  if (const auto score = spikes_.add(step.train_loss))
    row_.events.push_back("loss spike: " + fixed(*score, 1) + " robust deviations above the median");
  if (!step.is_evaluated) write_row();
}

void Recorder::on_evaluation(std::int64_t steps_done, double validation_loss, Objective&) {
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

void Recorder::on_position(const TrainingPosition& position) {
  is_between_steps_ = true;
  report(writer_.take_finished());
  const std::int64_t every = context_.options.checkpoint_every;
  const bool is_due = every > 0 && position.step % every == 0 && position.step < context_.options.steps;
  tell_checkpoint(context_.options.team, is_due);
  if (is_due) save(position);
}

void Recorder::finish(const TrainingPosition& position) {
  // Not again what the run was resumed from.
  const bool is_due = position.step != saved_step_;
  tell_checkpoint(context_.options.team, is_due);
  if (is_due) save(position);
  report(writer_.wait());
}

void Recorder::rescue(const TrainingPosition& position) noexcept {
  if (!is_between_steps_ || position.step == 0 || position.step == saved_step_) return;
  // A monitor may have seen half of a step by now.
  const std::int64_t every = context_.options.monitor_every;
  if (every > 0 && (position.step % every == 0 || (position.step - 1) % every == 0)) return;
  try {
    save(position);
    report(writer_.wait());
  } catch (...) {
    // The disk may be what failed. The checkpoints before are there.
  }
}

void Recorder::save(const TrainingPosition& position) {
  lines_.sync();
  report(writer_.wait());
  writer_.save({.identity = context_.identity, .position = position, .metrics_bytes = lines_.bytes()},
               context_.objective, context_.optimizer,
               context_.monitored != nullptr ? std::optional(context_.monitored->monitor().state()) : std::nullopt);
  report(writer_.take_finished());
  saved_step_ = position.step;
  last_time_ = Clock::now();
}

void Recorder::report(const std::optional<std::filesystem::path>& checkpoint) {
  if (checkpoint) context_.observer.on_checkpoint(*checkpoint);
}

void Recorder::remember_losses() {
  std::ifstream lines(context_.folder / kMetricsFile);
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("train_loss") && json["train_loss"].is_number())
      spikes_.add(json["train_loss"].get<double>());
  }
}

void Recorder::write_row() {
  lines_.append(row_.to_json());
  events_.append(row_.step, scalars_of(row_));
  context_.observer.on_metrics(row_);
}

}  // namespace train_detail

}  // namespace normdescent
