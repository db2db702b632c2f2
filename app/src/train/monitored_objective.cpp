// SPDX-License-Identifier: Apache-2.0
#include "monitored_objective.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "normdescent/base/numbers.hpp"

namespace normdescent::train_detail {
namespace {

constexpr std::int64_t kMatrixInterval = MonitorOptions{}.matrix_every;

// Few: each smaller micro-batch makes products less efficient. 4 leave 3 degrees of freedom a step.
std::uint32_t parts_of(std::uint32_t batch_size) {
  for (const std::uint32_t parts : {4U, 3U, 5U, 7U, 2U}) {
    if (batch_size % parts == 0) return parts;
  }
  return 1;
}

// Of monitored steps, so that one matrix in at least 8 steps is measured.
int matrix_interval(std::int64_t every) { return static_cast<int>(std::max<std::int64_t>(1, kMatrixInterval / every)); }

}  // namespace

MonitoredObjective::MonitoredObjective(Objective& inner, std::uint32_t batch_size, std::int64_t every)
    : inner_(inner),
      batch_size_(batch_size),
      every_(every),
      parts_(parts_of(batch_size)),
      monitor_(inner.parameters(), {.window = 16, .matrix_every = matrix_interval(every)}) {}

// The first examples of the next mini-batch: independent of this step, and the same ones in a resumed run.
Batch MonitoredObjective::judge_of(std::int64_t step, std::uint64_t stream) const {
  const auto next = static_cast<std::uint64_t>(step) + 1;
  return {stream, next * batch_size_, batch_size_ / parts_};
}

// An optimizer that looks at several points of one step asks for its gradient several times: the first is the start.
void MonitoredObjective::judge(std::int64_t step, std::uint64_t stream) {
  const auto parameters = inner_.parameters();
  if (monitor_.awaits_after_step() && step != judged_) {
    monitor_.observe_after_step(parameters, inner_.gradient(judge_of(step - 1, stream)));
  }
  if (parts_ == 1 || step == judged_ || step % (every_ * kJudgedSteps) != 0) return;
  monitor_.observe_before_step(parameters, inner_.gradient(judge_of(step, stream)));
  judged_ = step;
}

double MonitoredObjective::gradient(const Batch& batch) {
  if (batch.count != batch_size_) return inner_.gradient(batch);
  const auto step = static_cast<std::int64_t>(batch.first / batch_size_);
  judge(step, batch.stream);
  if (step % every_ != 0) return inner_.gradient(batch);
  has_news_ = true;
  if (parts_ == 1) return inner_.gradient(batch);
  const auto parameters = inner_.parameters();
  const std::uint32_t count = batch.count / parts_;
  const float share = 1.0F / static_cast<float>(parts_);
  double loss = 0.0;
  for (std::uint32_t part = 0; part < parts_; ++part) {
    loss += inner_.gradient({batch.stream, batch.first + std::uint64_t{part} * count, count, batch.step}) / parts_;
    monitor_.observe_micro_batch(parameters);
    if (part == 0) {
      sum_.start(parameters, share);
    } else if (part + 1 < parts_) {
      sum_.add(parameters, share);
    } else {
      sum_.finish(parameters, share);
    }
  }
  monitor_.end_step();
  return loss;
}

std::optional<TrainingMetrics::Noise> MonitoredObjective::take_noise() {
  if (!std::exchange(has_news_, false)) return std::nullopt;
  const MonitorReport report = monitor_.report();
  const SampledNoise& total = report.statistics.total;
  const SpectralNoise& spectral = report.spectral;
  const StepEffect& step = report.step_effect;
  const double to_batch = 1.0 / std::sqrt(static_cast<double>(parts_));
  const double examples = static_cast<double>(batch_size_) / parts_;
  return TrainingMetrics::Noise{
      .density = total.density.value,
      .density_error = total.density.standard_error,
      .l1 = total.l1.value * to_batch,
      .l2 = total.l2.value * to_batch,
      .critical_batch_l2 = report.critical_l2.value * examples,
      .critical_batch_sign = report.critical_sign.value * examples,
      .sign_agreement = total.sign_agreement.value,
      .spectral = spectral.measured < spectral.matrices ? kNaN : spectral.nuclear.value * to_batch,
      .spectral_density = spectral.density.value,
      .spectral_density_error = spectral.density.standard_error,
      .matrices_measured = spectral.measured,
      .step_gain = step.gain.value,
      .step_gain_error = step.gain.standard_error,
      .step_curvature_l2 = step.curvature_l2.value,
      .step_curvature_linf = step.curvature_linf.value,
      .best_step_multiple = step.best_multiple.value,
      .best_step_multiple_error = step.best_multiple.standard_error,
      .because =
          parts_ == 1 ? "a mini-batch of " + std::to_string(batch_size_) + " has no 2 to 7 equal parts" : total.reason};
}

}  // namespace normdescent::train_detail
