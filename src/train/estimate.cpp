// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/estimate.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/gpt/objective.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/train/memory_use.hpp"

namespace normdescent {

namespace {

constexpr int kTimedSteps = 5;
constexpr Index kCalibrationVocabulary = 1024;

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

Sample measure(const GptProblemOptions& options, const OptimizerSpec& spec) {
  const double heap_before = heap_bytes();
  GptData data;
  data.context = options.context;
  data.training_windows = [vocabulary = options.shape.vocabulary](const Batch& batch, std::span<std::int64_t> out) {
    Philox random(batch.stream, batch.first);
    for (auto& token : out) token = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(vocabulary)));
  };
  data.validation_windows =
      std::make_shared<const std::vector<std::int64_t>>(static_cast<std::size_t>(options.context + 1));
  const auto objective = make_gpt_objective(options.shape, options.precision, std::move(data), /*seed=*/1);
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective->parameters()) infos.push_back(parameter.info);
  Optimizer<float> optimizer(spec, std::move(infos));

  Sample sample{.gradient_seconds = std::numeric_limits<double>::infinity(),
                .step_seconds = std::numeric_limits<double>::infinity()};
  double norms = 0.0;  // what the trainer measures at every step
  for (int step = 0; step <= kTimedSteps; ++step) {
    double gradient_seconds = 0.0;
    const auto start = std::chrono::steady_clock::now();
    const auto compute = [&] {
      const auto gradient_start = std::chrono::steady_clock::now();
      (void)objective->gradient(Batch::number(0, static_cast<std::uint64_t>(step), options.batch_size));
      gradient_seconds += seconds_since(gradient_start);
    };
    if (optimizer.needs_closure()) {
      optimizer.step(objective->parameters(), compute);
    } else {
      compute();
      optimizer.step(objective->parameters());
    }
    for (const auto& p : objective->parameters()) norms += norm1(p.gradient) + norm2(p.gradient) + max_abs(p.gradient);
    const double seconds = seconds_since(start);
    if (step == 0 || norms < 0.0) continue;  // the first one allocates
    sample.gradient_seconds = std::min(sample.gradient_seconds, gradient_seconds);
    sample.step_seconds = std::min(sample.step_seconds, seconds - gradient_seconds);
  }
  sample.heap = heap_bytes() - heap_before;
  for (const auto& [name, tensor] : optimizer.state().tensors) sample.state += static_cast<double>(tensor.bytes.size());
  return sample;
}

/// For the layers and vocabulary asked for, at the batch size of `small`.
Sample continue_layers_and_vocabulary(GptProblemOptions small, const GptShape& shape, const OptimizerSpec& spec) {
  const Index v = std::min(shape.vocabulary, kCalibrationVocabulary);
  const auto at = [&](Index layers, Index vocabulary) {
    small.shape.layers = layers;
    small.shape.vocabulary = vocabulary;
    return measure(small, spec);
  };
  (void)at(1, 2 * v);  // compiles kernels and grows what threads keep: once, and lines through it would multiply it
  const Sample corner = at(1, v);
  const Sample layers = on_line(shape.layers, 1, corner, 2, at(2, v));
  const Sample vocabulary = on_line(shape.vocabulary, v, corner, 2 * v, at(1, 2 * v));
  return layers + vocabulary + -1.0 * corner;
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
