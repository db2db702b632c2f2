// SPDX-License-Identifier: Apache-2.0
#include "race_run.hpp"

#include <omp.h>

#include <cmath>
#include <limits>
#include <utility>

#include "normdescent/base/philox.hpp"
#include "normdescent/probe/noise.hpp"

namespace normdescent {

namespace {

/// Examples for noise measurements: none that the run trains on in the same order.
std::uint64_t noise_stream(std::uint64_t seed) {
  constexpr std::uint64_t kPurpose = 0x6e6f'6973'65;  // "noise"
  return Philox(seed, kPurpose)();
}

/// Fills a RunRecord's curve and measures noise density at some of its points.
class CurveRecorder : public TrainingObserver {
 public:
  CurveRecorder(const RaceOptions& options, const RaceRun& run, RunRecord& record)
      : options_(options), measures_noise_(run.measures_noise), record_(record) {
    noise_stream_ = noise_stream(run.seed);
  }

  void on_step(const TrainingStep& step, Objective&) override {
    // A library that initialises its own pool late may have raised the count for this thread.
    omp_set_num_threads(1);
    if (step.step == 1 && !record_.curve.empty()) record_.curve.front().train_loss = step.train_loss;
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
  double loss_sum_ = 0.0;
  int loss_count_ = 0;
};

}  // namespace

std::uint64_t search_seed(const RaceOptions& options, int number) {
  return options.seed * 1000 + 1 + static_cast<std::uint64_t>(number);
}
std::uint64_t final_seed(const RaceOptions& options, int number) {
  return options.seed * 1000 + 101 + static_cast<std::uint64_t>(number);
}

RunRecord run_in_race(const Problem& problem, const Contestant& contestant, const RaceRun& run,
                      const RaceOptions& options, const std::stop_token& stop) {
  omp_set_num_threads(1);  // of this thread: the race's parallelism is its independent runs
  const OptimizerSpec spec = contestant.spec.with_learning_rate_scaled(run.rate_scale);
  RunRecord record{.contestant = contestant.name,
                   .learning_rate = learning_rate_of(spec),
                   .seed = run.seed,
                   .is_final = run.is_final,
                   .reason = {},
                   .curve = {}};
  const auto objective = problem.instantiate(run.seed);
  omp_set_num_threads(1);
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective->parameters()) infos.push_back(parameter.info);
  Optimizer<float> optimizer(spec, std::move(infos));

  const TrainingOptions training{.steps = options.steps,
                                 .warmup_fraction = options.warmup_fraction,
                                 .decay = options.decay,
                                 .evaluate_every = run.is_final ? options.evaluate_every : 0,
                                 .divergence_factor = options.divergence_factor,
                                 .stream = training_stream(run.seed)};
  TrainingPosition position;
  CurveRecorder recorder(options, run, record);
  TrainingReport report = train_once(*objective, optimizer, problem.batch_size(), training, position, recorder, stop);
  record.status = report.status;
  record.reason = std::move(report.reason);
  record.first_loss = report.first_loss;
  record.final_loss =
      report.status == RunStatus::stopped ? std::numeric_limits<double>::quiet_NaN() : report.final_loss;
  return record;
}

}  // namespace normdescent
