// SPDX-License-Identifier: Apache-2.0
// One training run with one optimizer: metrics, checkpoints, resume. The engine of the `train` command.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "normdescent/optimizers/routing.hpp"
#include "normdescent/train/checkpoint.hpp"
#include "normdescent/train/checkpoint_writer.hpp"
#include "normdescent/train/run_folder.hpp"
#include "normdescent/training/problem.hpp"
#include "normdescent/training/training_run.hpp"

namespace normdescent {

/// Steps between measurements of noise at which they take at most 2% of the time of steps of `small` and of GPT-2 124M,
/// however small its batch (docs/performance.md, "Noise during training").
inline constexpr std::int64_t kMonitorInterval = 50;

struct Team;

struct TrainerOptions {
  std::int64_t steps = 1000;
  double warmup_fraction = 0.1;
  Decay decay = Decay::cosine;
  std::int64_t evaluate_every = 100;    ///< steps between validations; 0: only at the end
  std::int64_t checkpoint_every = 500;  ///< steps between checkpoints, beside the one at the end; 0: only that one
  double divergence_factor = 3.0;       ///< see train_once
  NonFinitePolicy on_nonfinite = NonFinitePolicy::stop;  ///< see train_once
  std::uint64_t seed = 1;                                ///< of the initial values and the order of the examples
  std::int64_t tokens_per_example = 1;                   ///< what one example counts as in `tokens`
  std::int64_t monitor_every = 0;  ///< steps between measurements of noise (training_monitor.hpp); 0: none
  /// Facts of the problem that its name leaves out; a resume must share them.
  std::map<std::string, std::string> task{};
  bool resume = false;       ///< continue from the newest checkpoint in the folder that is sound
  int keep_checkpoints = 2;  ///< the newest ones; at least 1
  BackgroundWrites background_writes = BackgroundWrites::automatic;
  const Team* team = nullptr;  ///< the processes that train together (team.hpp); null: this one alone

  /// std::invalid_argument "field = value, must be ...".
  void validate() const;
};

/// What makes a run this run.
[[nodiscard]] RunIdentity identity_of(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options);

/// Whether a run that was to have `planned` steps, and has done `done` of them with the same warm-up and decay, can
/// become the run of `options`, which has more: the learning rates of the steps done are those that it would have had.
[[nodiscard]] bool can_lengthen(const TrainerOptions& options, std::int64_t planned, std::int64_t done);
/// The share of `steps` that makes the same warm-up as `warmup_fraction` of `planned` steps.
[[nodiscard]] double same_warmup(double warmup_fraction, std::int64_t planned, std::int64_t steps);

/// One line of metrics.jsonl. Numbers that were not measured are NaN here and null there.
struct TrainingMetrics {
  std::int64_t step = 0;       ///< steps done
  std::int64_t tokens = 0;     ///< seen so far
  double train_loss = 0.0;     ///< of the step's mini-batch, before the update; NaN at step 0
  double val_loss = 0.0;       ///< NaN between validations
  double learning_rate = 0.0;  ///< that the step used
  double tokens_per_second = 0.0;
  double grad_norm_l1 = 0.0;  ///< of the mini-batch gradient over all parameters
  double grad_norm_l2 = 0.0;
  double grad_norm_linf = 0.0;
  /// At monitored steps, of the mini-batch's size; keys of their own in the line, which other steps do not have.
  struct Noise {
    double density = 0.0;
    double density_error = 0.0;
    double l1 = 0.0;
    double l2 = 0.0;
    double critical_batch_l2 = 0.0;    ///< examples; NaN where noise hides the gradient
    double critical_batch_sign = 0.0;  ///< in l1
    double sign_agreement = 0.0;       ///< of pairs of micro-batches
    double spectral = 0.0;             ///< nuclear scale of all matrices' noise; NaN until all were measured once
    double spectral_density = 0.0;     ///< of the matrices measured so far, one at a monitored step; NaN: none yet
    double spectral_density_error = 0.0;
    Index matrices_measured = 0;
    double step_gain = 0.0;  ///< decrease of f by one step, mean over the newest that were measured
    double step_gain_error = 0.0;
    double step_curvature_l2 = 0.0;    ///< along the steps (step_watch.hpp): a lower limit of L_2
    double step_curvature_linf = 0.0;  ///< of L_inf
    double best_step_multiple = 0.0;   ///< of the learning rate, for the largest gain of one step on a quadratic
    double best_step_multiple_error = 0.0;
    std::string because;  ///< why a number is missing
  };
  std::optional<Noise> noise = std::nullopt;
  /// What was out of the ordinary, in words: a skipped step and its reason, a loss spike and its score. Left out of the
  /// line where there is nothing.
  std::vector<std::string> events{};

  [[nodiscard]] std::string to_json() const;
};

class TrainerObserver {
 public:
  TrainerObserver() = default;
  TrainerObserver(const TrainerObserver&) = delete;
  TrainerObserver& operator=(const TrainerObserver&) = delete;
  virtual ~TrainerObserver() = default;
  /// A newer checkpoint that resuming could not use; it is `moved_to` a name that nothing overwrites.
  virtual void on_damaged_checkpoint(const DamagedCheckpoint& damaged, const std::filesystem::path& moved_to) {
    (void)damaged, (void)moved_to;
  }
  virtual void on_resume(std::int64_t step) { (void)step; }
  /// After each step, when its line is in metrics.jsonl.
  virtual void on_metrics(const TrainingMetrics& metrics) { (void)metrics; }
  virtual void on_checkpoint(const std::filesystem::path& folder) { (void)folder; }
};

/// Trains a new instance of `problem` and writes metrics.jsonl, the same for TensorBoard (io/event_file.hpp) and
/// checkpoint-<step>/ into `folder`.
///
/// Continuing from a checkpoint, also to more steps than were planned (can_lengthen), gives bit-equal weights and
/// losses (times differ). A run that ended before its first checkpoint continues at its start. Damaged checkpoints are
/// reported, set aside, and the one before is taken. A stop request writes a checkpoint; so does an exception of the
/// problem (data that cannot be read, no memory) that leaves the run between two steps, before it goes on to the
/// caller; a divergence writes none, so that the last good one stays. The model's weights at the end are
/// checkpoint-<steps>/model.safetensors. In a team this is what rank 0 does; ProcessGroupError if another rank has
/// gone. Throws std::invalid_argument for bad options; UserError if a file cannot be written (of a checkpoint written
/// in the background: at the next step), or resume finds no sound checkpoint or one of another run; then no file has
/// changed.
TrainingReport train(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                     const RunFolder& folder, TrainerObserver& observer, const std::stop_token& stop = {});

}  // namespace normdescent
