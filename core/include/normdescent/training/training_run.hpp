// SPDX-License-Identifier: Apache-2.0
// The one training loop: races and the trainer run through it. It knows schedule, data order, validation points and
// divergence; what is recorded, measured or saved is the observer's business.
#pragma once

#include <cstdint>
#include <limits>
#include <stop_token>
#include <string>

#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/schedule.hpp"
#include "normdescent/training/problem.hpp"
#include "normdescent/training/stepper.hpp"

namespace normdescent {

enum class RunStatus { not_run, completed, diverged, stopped };
[[nodiscard]] const char* to_string(RunStatus status);

inline constexpr double kDecayFraction = 0.2;  ///< of the steps that Decay::warmup_stable_decay decays over

struct TrainingOptions {
  std::int64_t steps = 150;         ///< of the whole run, >= 1
  double warmup_fraction = 0.1;     ///< of steps, in [0, 1]
  Decay decay = Decay::cosine;      ///< after the warm-up
  std::int64_t evaluate_every = 0;  ///< steps between validations, the first before step 1; 0: only after the last step
  double divergence_factor = 3.0;   ///< > 1, see train_once
  NonFinitePolicy on_nonfinite = NonFinitePolicy::stop;  ///< what a loss or gradient that is not finite does
  std::uint64_t stream = 0;  ///< of the examples; mini-batch t is Batch::number(stream, t, batch_size)

  /// std::invalid_argument "field = value, must be ...".
  void validate() const;
  [[nodiscard]] Schedule schedule() const;
};

/// The examples' stream of a run with this seed.
[[nodiscard]] std::uint64_t training_stream(std::uint64_t seed);

/// Where a run is between two steps: with the parameters and the optimizer's state all that continuing needs.
struct TrainingPosition {
  std::int64_t step = 0;                                         ///< steps done
  double first_loss = std::numeric_limits<double>::quiet_NaN();  ///< validation loss at the start; NaN before it
  int steps_too_high = 0;                                        ///< consecutive steps above the divergence level
};

/// Facts about one step.
struct TrainingStep {
  std::int64_t step = 0;      ///< steps done, this one included
  double train_loss = 0.0;    ///< mini-batch loss before the update
  double rate_factor = 0.0;   ///< the schedule's factor that the update used
  bool is_evaluated = false;  ///< validation follows this step
  std::string fault{};        ///< why this step was skipped: nothing changed; empty: it was not
  double seconds = 0.0;       ///< that gradient and update took
};

/// Called by train_once from the thread that runs it. Must not change the values, not even for a while: an objective
/// that keeps them rounded is not told.
class TrainingObserver {
 public:
  TrainingObserver() = default;
  TrainingObserver(const TrainingObserver&) = delete;
  TrainingObserver& operator=(const TrainingObserver&) = delete;
  virtual ~TrainingObserver() = default;
  /// Before an update whose gradients are there: not with an optimizer that needs a closure. True: all of them have
  /// been read and are finite, so the update need not find out.
  virtual bool on_gradients(const Objective& objective) {
    (void)objective;
    return false;
  }
  /// After an update. The gradients still are those of the step's mini-batch.
  virtual void on_step(const TrainingStep& step, Objective& objective) { (void)step, (void)objective; }
  /// After a validation, `steps_done` steps into the run; a loss that is not finite ends it. May overwrite the
  /// gradients.
  virtual void on_evaluation(std::int64_t steps_done, double validation_loss, Objective& objective) {
    (void)steps_done, (void)validation_loss, (void)objective;
  }
  /// After step and validation are complete: the moment at which a run can be saved and continued.
  virtual void on_position(const TrainingPosition& position) { (void)position; }
};

/// How a run ended. The default value says "not run".
struct TrainingReport {
  RunStatus status = RunStatus::not_run;
  std::int64_t steps_done = 0;
  double first_loss = std::numeric_limits<double>::quiet_NaN();  ///< validation loss before the first step
  double final_loss = std::numeric_limits<double>::infinity();   ///< last validation loss; +infinity if diverged
  std::string reason;  ///< why it diverged, e.g. "the gradient of wte.weight is not finite at step 12"
};

/// Steps in a row above the divergence level that end a run: one bad mini-batch is no divergence.
inline constexpr int kDivergencePatience = 5;

/// Trains from `position` to options.steps.
///
///   x_{t+1} = stepper(x_t, gradient on Batch::number(stream, t, batch_size), schedule factor t),  t = position.step
///   ...
///
/// A stepper that needs a closure computes the gradients itself; the loss is then that of its last evaluation, and
/// is judged after the step. Diverged, and ended at once: a loss, validation loss or gradient that is not finite; a
/// mini-batch loss above
///   level = first + (divergence_factor - 1) |first|   (= divergence_factor x first for a positive loss)
/// for kDivergencePatience steps in a row; a last validation loss above the level. `first` is the validation loss
/// before the first step: that of one mini-batch of one example can be anything.
/// With NonFinitePolicy::skip, a step whose loss or gradient is not finite changes nothing and counts as one with a
/// loss above the level: kDivergencePatience in a row still end the run. A stop request ends the run after the current
/// step with status stopped. `position` is advanced; equal positions, values and optimizer states continue bit-equally.
TrainingReport train_once(Objective& objective, Stepper& stepper, std::uint32_t batch_size,
                          const TrainingOptions& options, TrainingPosition& position, TrainingObserver& observer,
                          const std::stop_token& stop = {});
TrainingReport train_once(Objective& objective, Optimizer<float>& optimizer, std::uint32_t batch_size,
                          const TrainingOptions& options, TrainingPosition& position, TrainingObserver& observer,
                          const std::stop_token& stop = {});

}  // namespace normdescent
