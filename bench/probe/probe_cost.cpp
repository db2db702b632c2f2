// SPDX-License-Identifier: Apache-2.0
// What a probe of a GPT on random tokens costs: seconds, examples, and memory beyond that of training's gradients.
//
//   probe_cost MODEL BATCH CONTEXT [brief]
//
// `brief` takes few samples of everything: the peak of the memory is the same.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "../peers/gpt_steps.hpp"
#include "normdescent/gpt/objective.hpp"
#include "normdescent/probe/probe.hpp"
#include "normdescent/train/memory_use.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 4 && argc != 5) return 2;
  const bool is_brief = argc == 5 && std::string_view(argv[4]) == "brief";
  const bench::GptCase c{.shape = gpt_preset(argv[1]),
                         .batch = static_cast<std::uint32_t>(std::atoi(argv[2])),
                         .context = std::atoll(argv[3]),
                         .steps = 0};
  GptData data;
  data.context = c.context;
  data.training_windows = [&](const Batch& batch, std::span<std::int64_t> out) {
    bench::random_windows(c, batch, out);
  };
  data.validation_windows =
      std::make_shared<const std::vector<std::int64_t>>(static_cast<std::size_t>(c.context + 1), std::int64_t{0});
  const auto objective = make_gpt_objective(c.shape, Precision::automatic, std::move(data), 1);
  // Training's own peak: values, gradients, activations.
  for (std::uint64_t k = 0; k < 2; ++k)
    (void)objective->gradient({.stream = 9, .first = k * c.batch, .count = c.batch});
  const auto before = static_cast<double>(peak_memory().value_or(0));

  ProbeOptions options;
  if (is_brief) {
    options.micro_batches = 16;
    options.pilot_micro_batches = 4;
    options.search_repetitions = 1;
    options.repetitions = 2;
    options.pilot_steps = 2;
    options.pilot_tries = 2;
  }
  const std::clock_t cpu = std::clock();
  const ProbeReport report = probe(*objective, c.batch, options);
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const double copy = 4.0 * static_cast<double>(report.dimension);
  const double extra = static_cast<double>(peak_memory().value_or(0)) - before;
  std::printf(
      "%s, %u x %lld tokens%s: %s, %.1f s, %.1f processor seconds, %lld examples through gradients, %lld losses\n",
      argv[1], c.batch, static_cast<long long>(c.context), is_brief ? ", brief" : "", to_string(report.status),
      report.seconds, cpu_seconds, static_cast<long long>(report.gradient_examples),
      static_cast<long long>(report.loss_examples));
  std::printf("peak memory beyond training's %.0f MB: %.0f MB = %.2f copies of the parameters\n", before / 1e6,
              extra / 1e6, extra / copy);
  return report.status == ProbeStatus::completed ? 0 : 1;
}
