// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/estimate.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "gradient_norms.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/gpt/objective.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/statistics/quantile.hpp"
#include "normdescent/train/memory_use.hpp"

namespace normdescent {

namespace {

// Steps of each small model, in turn with the others': until both are reached, or the last.
constexpr int kFewestSteps = 5;
constexpr int kMostSteps = 25;
constexpr double kTimedSeconds = 3.0;
/// Up to so many entries (128 MiB) a table of tokens is taken as it is. Larger ones are continued from a quarter and a
/// half of them, where what a table needs of caches and memory is as in the whole one, and the clock's noise three
/// times it.
constexpr Index kWholeTable = Index{1} << 25U;

double heap_bytes() {
  const auto info = ::mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What one small model needed.
struct Sample {
  double heap = 0.0;
  double state = 0.0;
  double gradient_seconds = 0.0;  ///< of one micro-batch
  double step_seconds = 0.0;      ///< what a step takes beside gradients
};

Sample operator+(const Sample& a, const Sample& b) {
  return {a.heap + b.heap, a.state + b.state, a.gradient_seconds + b.gradient_seconds, a.step_seconds + b.step_seconds};
}
Sample operator*(double factor, const Sample& a) {
  return {factor * a.heap, factor * a.state, factor * a.gradient_seconds, factor * a.step_seconds};
}

/// The value at `x` of the line through (x0, y0) and (x1, y1). More work takes no less time: what says otherwise is
/// noise of the clock.
Sample on_line(Index x, Index x0, const Sample& y0, Index x1, Sample y1) {
  y1.gradient_seconds = std::max(y0.gradient_seconds, y1.gradient_seconds);
  y1.step_seconds = std::max(y0.step_seconds, y1.step_seconds);
  const double share = x1 == x0 ? 0.0 : static_cast<double>(x - x0) / static_cast<double>(x1 - x0);
  return (1.0 - share) * y0 + share * y1;
}

/// One small model and what its steps take.
class Trial {
 public:
  Trial(const GptProblemOptions& options, const OptimizerSpec& spec)
      : batch_size_(options.batch_size), heap_before_(heap_bytes()) {
    GptData data;
    data.context = options.context;
    data.training_windows = [vocabulary = options.shape.vocabulary](const Batch& batch, std::span<std::int64_t> out) {
      Philox random(batch.stream, batch.first);
      for (auto& token : out) token = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(vocabulary)));
    };
    data.validation_windows =
        std::make_shared<const std::vector<std::int64_t>>(static_cast<std::size_t>(options.context + 1));
    objective_ = make_gpt_objective(options.shape, options.precision, std::move(data), /*seed=*/1);
    std::vector<ParameterInfo> infos;
    for (const auto& parameter : objective_->parameters()) infos.push_back(parameter.info);
    optimizer_.emplace(spec, std::move(infos));
    step();  // which allocates
    gradient_seconds_.clear();
    step_seconds_.clear();
    heap_ = heap_bytes() - heap_before_;
  }

  void step() {
    double gradient_seconds = 0.0;
    const auto start = std::chrono::steady_clock::now();
    const auto compute = [&] {
      const auto gradient_start = std::chrono::steady_clock::now();
      (void)objective_->gradient(Batch::number(0, step_seconds_.size(), batch_size_));
      gradient_seconds += seconds_since(gradient_start);
    };
    if (optimizer_->needs_closure()) {
      optimizer_->step(objective_->parameters(), compute);
    } else {
      compute();
    }
    // What the trainer measures at every step, before the update where it can, which then need not look for NaN; and
    // the update rounds the new values for the objective.
    const bool are_finite = std::isfinite(train_detail::gradient_norms(objective_->parameters()).linf);
    if (!optimizer_->needs_closure()) {
      optimizer_->step(objective_->parameters(),
                       StepOptions{.gradients_are_finite = are_finite, .rounded_values = objective_->rounded_values()});
      objective_->trust_rounded_values();
    }
    gradient_seconds_.push_back(gradient_seconds);
    step_seconds_.push_back(seconds_since(start) - gradient_seconds);
  }

  [[nodiscard]] Sample sample() const {
    Sample sample{.heap = heap_, .gradient_seconds = median(gradient_seconds_), .step_seconds = median(step_seconds_)};
    for (const auto& [name, tensor] : optimizer_->state().tensors)
      sample.state += static_cast<double>(tensor.bytes.size());
    return sample;
  }

 private:
  std::uint32_t batch_size_;
  double heap_before_;
  std::unique_ptr<Objective> objective_;
  std::optional<Optimizer<float>> optimizer_;
  std::vector<double> gradient_seconds_;
  std::vector<double> step_seconds_;
  double heap_ = 0.0;
};

/// In turn, so that a busy moment of the machine slows all of them: their differences are what counts.
std::vector<Sample> measure(const std::vector<GptProblemOptions>& models, const OptimizerSpec& spec) {
  std::vector<std::unique_ptr<Trial>> trials;
  for (const auto& model : models) trials.push_back(std::make_unique<Trial>(model, spec));
  const auto start = std::chrono::steady_clock::now();
  for (int k = 0; k < kMostSteps && (k < kFewestSteps || seconds_since(start) < kTimedSeconds); ++k) {
    for (const auto& trial : trials) trial->step();
  }
  std::vector<Sample> samples;
  for (const auto& trial : trials) samples.push_back(trial->sample());
  return samples;
}

/// For the layers and vocabulary asked for, at the batch size of `small`.
Sample continue_layers_and_vocabulary(GptProblemOptions small, const GptShape& shape, const OptimizerSpec& spec) {
  const bool is_whole = shape.vocabulary * shape.width <= kWholeTable;
  const Index v0 = is_whole ? shape.vocabulary : shape.vocabulary / 4;
  const Index v1 = is_whole ? shape.vocabulary : shape.vocabulary / 2;
  const Index layers = std::min<Index>(shape.layers, 3);
  const auto at = [&](Index layer_count, Index vocabulary) {
    small.shape.layers = layer_count;
    small.shape.vocabulary = vocabulary;
    return small;
  };
  // Compiles kernels and grows what threads keep: once, and lines through it would multiply it.
  (void)Trial(at(1, v1), spec);
  std::vector<GptProblemOptions> models{at(1, v0), at(layers, v0)};
  if (!is_whole) models.push_back(at(1, v1));
  const auto samples = measure(models, spec);
  const Sample deep = on_line(shape.layers, 1, samples[0], layers, samples[1]);
  return is_whole ? deep : deep + on_line(shape.vocabulary, v0, samples[0], v1, samples[2]) + -1.0 * samples[0];
}

std::uint64_t to_bytes(double value) { return static_cast<std::uint64_t>(std::max(0.0, value)); }

}  // namespace

TrainingEstimate estimate_training(const GptProblemOptions& options, const OptimizerSpec& spec,
                                   BackgroundWrites background) {
  TrainingEstimate estimate;

  GptProblemOptions small = options;
  if (small.context == 0) small.context = small.shape.context;
  const auto largest = static_cast<std::uint32_t>(std::max<Index>(2, kCalibrationTokens / small.context));
  const bool is_split = options.micro_batch > 0 && options.micro_batch < options.batch_size;
  const std::uint32_t micro_batch = is_split ? options.micro_batch : options.batch_size;
  const bool fits = micro_batch <= largest;
  small.batch_size = std::min(micro_batch, largest);
  Sample sample = continue_layers_and_vocabulary(small, options.shape, spec);
  if (!fits) {
    small.batch_size = largest / 2;
    const Sample half = continue_layers_and_vocabulary(small, options.shape, spec);
    sample = on_line(micro_batch, largest / 2, half, largest, sample);
  }

  // Now that kernels are compiled and their code has been touched; freed memory is no part of the program.
  ::malloc_trim(0);
  estimate.program = resident_memory().value_or(0);
  estimate.parameters = static_cast<std::uint64_t>(parameter_count(options.shape)) * sizeof(float);
  estimate.gradients = estimate.parameters;
  estimate.optimizer_state = to_bytes(sample.state);
  estimate.activations = to_bytes(sample.heap - sample.state - 2.0 * static_cast<double>(estimate.parameters));
  estimate.checkpoint_copies = checkpoint_copy_bytes(estimate.parameters, estimate.optimizer_state, background);
  if (is_split) estimate.activations += estimate.gradients;  // where they are summed
  const double parts = static_cast<double>(options.batch_size) / static_cast<double>(micro_batch);
  estimate.seconds_per_step = parts * sample.gradient_seconds + sample.step_seconds;
  return estimate;
}

}  // namespace normdescent
