// SPDX-License-Identifier: Apache-2.0
#include "race_run.hpp"

#include <omp.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/probe/noise.hpp"
#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

namespace {

/// Fills a RunRecord's curve and measures noise density at some of its points.
class CurveRecorder : public TrainingObserver {
 public:
  CurveRecorder(const RaceOptions& options, const RaceRun& run, RunRecord& record)
      : options_(options), measures_noise_(run.measures_noise), record_(record) {
    noise_stream_ = derive_seed(run.seed, Purpose::noise);  // in the order of no training run
  }

  void on_step(const TrainingStep& step, Objective&) override {
    // A library that initialises its own pool late may have raised the count for this thread.
    omp_set_num_threads(1);
    if (step.step == 1 && !record_.curve.empty()) record_.curve.front().train_loss = step.train_loss;
    seconds_.push_back(step.seconds);
    loss_sum_ += step.train_loss;
    ++loss_count_;
    if (step.step % options_.evaluate_every != 0 && step.step != options_.steps) return;
    record_.curve.push_back({.step = step.step,
                             .train_loss = std::exchange(loss_sum_, 0.0) / std::exchange(loss_count_, 0),
                             .validation_loss = std::numeric_limits<double>::quiet_NaN()});
  }

  void on_evaluation(std::int64_t steps_done, double validation_loss, Objective& objective) override {
    if (steps_done == 0) {
      record_.curve.push_back({.step = 0, .train_loss = std::numeric_limits<double>::quiet_NaN()});
    }
    CurvePoint& point = record_.curve.back();
    point.validation_loss = validation_loss;
    if (measures_noise_ && std::isfinite(validation_loss) && is_noise_point(steps_done))
      point.noise_density = noise_density(objective);
  }

  /// Median over the steps; 0 without one.
  [[nodiscard]] double seconds_per_step() const { return seconds_.empty() ? 0.0 : median(seconds_); }

 private:
  /// noise_points of the validated steps, evenly spaced, first and last among them.
  [[nodiscard]] bool is_noise_point(std::int64_t steps_done) const {
    const std::int64_t every = options_.evaluate_every;
    const std::int64_t last = (options_.steps + every - 1) / every;
    const std::int64_t number = (steps_done + every - 1) / every;
    const std::int64_t gaps = options_.noise_points - 1;
    if (gaps < 1) return options_.noise_points == 1 && number == last;
    for (std::int64_t i = 0; i <= gaps; ++i) {
      if (number == i * last / gaps) return true;
    }
    return false;
  }

  double noise_density(Objective& objective) {
    NoiseAccumulator noise(objective.parameters());
    for (int i = 0; i < options_.noise_batches; ++i) {
      objective.gradient(Batch::number(noise_stream_, next_noise_batch_++, options_.noise_batch_size));
      noise.add(objective.parameters());
    }
    return noise.total().density;
  }

  const RaceOptions& options_;
  bool measures_noise_;
  RunRecord& record_;
  std::uint64_t noise_stream_ = 0;
  std::uint64_t next_noise_batch_ = 0;
  std::vector<double> seconds_;
  double loss_sum_ = 0.0;
  int loss_count_ = 0;
};

/// An optimizer of this library, and the stepper that it is.
class OwnStepper final : public Stepper {
 public:
  OwnStepper(const OptimizerSpec& spec, std::vector<ParameterInfo> parameters)
      : optimizer_(spec, std::move(parameters)), stepper_(optimizer_) {}
  StepReport step(Objective& objective, const StepOptions& options) override {
    return stepper_.step(objective, options);
  }
  [[nodiscard]] bool needs_closure() const override { return stepper_.needs_closure(); }
  StepReport step_with_closure(Objective& objective, const std::function<void()>& compute_gradients,
                               double scale) override {
    return stepper_.step_with_closure(objective, compute_gradients, scale);
  }
  [[nodiscard]] std::size_t state_bytes() const override { return stepper_.state_bytes(); }

 private:
  Optimizer<float> optimizer_;
  OptimizerStepper stepper_;
};

std::unique_ptr<Stepper> own_stepper(const Contestant& contestant, const RaceRun& run, const Objective& objective) {
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective.parameters()) infos.push_back(parameter.info);
  const double scale = run.learning_rate / learning_rate_of(contestant.spec);
  return std::make_unique<OwnStepper>(contestant.spec.with_learning_rate_scaled(scale), std::move(infos));
}

}  // namespace

RunRecord run_in_race(const Problem& problem, const Contestant& contestant, const RaceRun& run,
                      const RaceOptions& options, const std::stop_token& stop) {
  omp_set_num_threads(1);  // of this thread: the race's parallelism is its independent runs
  RunRecord record{.contestant = contestant.name,
                   .learning_rate = run.learning_rate,
                   .seed = run.seed,
                   .is_final = run.is_final,
                   .reason = {},
                   .curve = {}};
  const auto objective = problem.instantiate(run.seed);
  omp_set_num_threads(1);
  const auto stepper = contestant.make_stepper ? contestant.make_stepper(*objective, run.learning_rate)
                                               : own_stepper(contestant, run, *objective);

  const TrainingOptions training{.steps = options.steps,
                                 .warmup_fraction = options.warmup_fraction,
                                 .decay = options.decay,
                                 .evaluate_every = run.is_final ? options.evaluate_every : 0,
                                 .divergence_factor = options.divergence_factor,
                                 .stream = training_stream(run.seed)};
  TrainingPosition position;
  CurveRecorder recorder(options, run, record);
  TrainingReport report = train_once(*objective, *stepper, problem.batch_size(), training, position, recorder, stop);
  record.status = report.status;
  record.reason = std::move(report.reason);
  record.first_loss = report.first_loss;
  record.steps_done = report.steps_done;
  record.seconds_per_step = recorder.seconds_per_step();
  record.state_bytes = stepper->state_bytes();
  record.final_loss =
      report.status == RunStatus::stopped ? std::numeric_limits<double>::quiet_NaN() : report.final_loss;
  return record;
}

}  // namespace normdescent
