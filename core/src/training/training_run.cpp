// SPDX-License-Identifier: Apache-2.0
#include "normdescent/training/training_run.hpp"

#include <chrono>
#include <cmath>
#include <functional>
#include <utility>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/require.hpp"

namespace normdescent {

const char* to_string(RunStatus status) {
  switch (status) {
    case RunStatus::not_run: return "not run";
    case RunStatus::completed: return "completed";
    case RunStatus::diverged: return "diverged";
    case RunStatus::stopped: return "stopped";
  }
  return "unknown";
}

void TrainingOptions::validate() const {
  require(steps >= 1, "steps", steps, "at least 1");
  require(warmup_fraction >= 0.0 && warmup_fraction <= 1.0, "warmup_fraction", warmup_fraction, "in [0, 1]");
  require(evaluate_every >= 0, "evaluate_every", evaluate_every, "0 (only at the end) or more");
  require(divergence_factor > 1.0 && std::isfinite(divergence_factor), "divergence_factor", divergence_factor,
          "finite and above 1");
}

Schedule TrainingOptions::schedule() const {
  return {.total_steps = steps,
          .warmup_steps = std::llround(warmup_fraction * static_cast<double>(steps)),
          .decay = decay,
          .decay_steps = std::llround(kDecayFraction * static_cast<double>(steps))};
}

std::uint64_t training_stream(std::uint64_t seed) {
  constexpr std::uint64_t kPurpose = 0x7472'6169'6e;  // "train"
  return Philox(seed, kPurpose)();
}

namespace {

class Run {
 public:
  Run(Objective& objective, TrainingPosition& position, const TrainingOptions& options)
      : objective_(objective), position_(position), options_(options) {}

  [[nodiscard]] double level() const {
    return position_.first_loss + (options_.divergence_factor - 1.0) * std::abs(position_.first_loss);
  }
  TrainingReport ended(RunStatus status, std::string reason = {}) const {
    return {.status = status,
            .steps_done = position_.step,
            .first_loss = position_.first_loss,
            .final_loss = status == RunStatus::diverged ? std::numeric_limits<double>::infinity() : validation_loss_,
            .reason = std::move(reason)};
  }
  [[nodiscard]] std::string at_step(const char* what) const {
    return std::string(what) + " at step " + std::to_string(position_.step);
  }
  /// False: not finite.
  bool evaluate(TrainingObserver& observer, bool is_told = true) {
    validation_loss_ = objective_.validation_loss();
    if (position_.step == 0) position_.first_loss = validation_loss_;
    if (is_told) observer.on_evaluation(position_.step, validation_loss_, objective_);
    return std::isfinite(validation_loss_);
  }
  [[nodiscard]] bool evaluates_after(std::int64_t steps_done) const {
    return steps_done == options_.steps || (options_.evaluate_every > 0 && steps_done % options_.evaluate_every == 0);
  }
  [[nodiscard]] double validation_loss() const { return validation_loss_; }

 private:
  Objective& objective_;
  TrainingPosition& position_;
  const TrainingOptions& options_;
  double validation_loss_ = std::numeric_limits<double>::infinity();
};

}  // namespace

TrainingReport train_once(Objective& objective, Stepper& stepper, std::uint32_t batch_size,
                          const TrainingOptions& options, TrainingPosition& position, TrainingObserver& observer,
                          const std::stop_token& stop) {
  options.validate();
  const Schedule schedule = options.schedule();
  Run run(objective, position, options);
  // A run that continues where nothing is left still owes its final loss.
  const bool starts = position.step == 0;  // what divergence is judged by is measured in any case
  const bool starts_with_validation = starts || position.step >= options.steps;
  if (starts_with_validation && !run.evaluate(observer, !starts || run.evaluates_after(0)))
    return run.ended(RunStatus::diverged, run.at_step("the validation loss is not finite"));

  // Observers do not change values: what the last step has rounded holds until the next one.
  bool is_rounded = false;
  const auto trust_rounded = [&] {
    if (is_rounded) objective.trust_rounded_values();
  };
  double loss = 0.0;
  const std::function<void()> compute_gradients = [&] {
    const auto index = static_cast<std::uint64_t>(position.step);
    loss = objective.gradient(Batch::number(options.stream, index, batch_size));
  };
  while (position.step < options.steps) {
    if (stop.stop_requested()) return run.ended(RunStatus::stopped);
    const double factor = schedule.factor(position.step);
    const auto begin = std::chrono::steady_clock::now();
    StepReport step;
    if (stepper.needs_closure()) {
      step = stepper.step_with_closure(objective, compute_gradients, factor);
    } else {
      trust_rounded();
      compute_gradients();
    }
    std::string fault = std::isfinite(loss) ? "" : "the loss is not finite";
    const int bad_before = position.steps_too_high;
    if (fault.empty()) {
      position.steps_too_high = loss > run.level() ? position.steps_too_high + 1 : 0;
      if (position.steps_too_high >= kDivergencePatience)
        return run.ended(RunStatus::diverged, run.at_step("the loss stays far above its start"));
      if (!stepper.needs_closure()) {
        const bool are_finite = observer.on_gradients(objective);
        step = stepper.step(objective, {.learning_rate_scale = factor,
                                        .gradients_are_finite = are_finite,
                                        .rounded_values = objective.rounded_values()});
        is_rounded = true;  // by gradient() if the step was refused
      }
      if (!step.finite) fault = "the gradient of " + step.first_nonfinite_parameter + " is not finite";
    }
    if (!fault.empty()) {
      position.steps_too_high = bad_before + 1;
      const bool goes_on = options.on_nonfinite == NonFinitePolicy::skip && !step.stopped &&
                           position.steps_too_high < kDivergencePatience;
      if (!goes_on) return run.ended(RunStatus::diverged, run.at_step(fault.c_str()));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    ++position.step;
    const bool is_evaluated = run.evaluates_after(position.step);
    observer.on_step({position.step, loss, factor, is_evaluated, std::move(fault), seconds}, objective);
    if (is_evaluated) trust_rounded();
    if (is_evaluated && !run.evaluate(observer))
      return run.ended(RunStatus::diverged, run.at_step("the validation loss is not finite"));
    observer.on_position(position);
  }
  if (run.validation_loss() > run.level())
    return run.ended(RunStatus::diverged, run.at_step("the validation loss is far above the start"));
  return run.ended(RunStatus::completed);
}

TrainingReport train_once(Objective& objective, Optimizer<float>& optimizer, std::uint32_t batch_size,
                          const TrainingOptions& options, TrainingPosition& position, TrainingObserver& observer,
                          const std::stop_token& stop) {
  OptimizerStepper stepper(optimizer);
  return train_once(objective, stepper, batch_size, options, position, observer, stop);
}

}  // namespace normdescent
