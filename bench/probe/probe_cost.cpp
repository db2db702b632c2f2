// SPDX-License-Identifier: Apache-2.0
// What a probe of a GPT on random tokens costs: seconds, examples, and memory beyond that of training's gradients.
//
//   probe_cost MODEL BATCH CONTEXT [brief]
//
// `brief` takes few samples of everything: the peak of the memory is the same.
#include <cstdio>
#include <string_view>

#include "../gpt_objective.hpp"
#include "../seconds.hpp"
#include "normdescent/probe/probe.hpp"
#include "normdescent/train/memory_use.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 4 && argc != 5) return 2;
  const bool is_brief = argc == 5 && std::string_view(argv[4]) == "brief";
  const bench::GptCase c = bench::parse_case(/*argc=*/4, argv);
  const auto objective = bench::gpt_objective(c);
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
  ProbeReport report;
  const bench::Seconds seconds = bench::timed([&] { report = probe(*objective, c.batch, options); });
  const double copy = 4.0 * static_cast<double>(report.dimension);
  const double extra = static_cast<double>(peak_memory().value_or(0)) - before;
  std::printf(
      "%s, %u x %lld tokens%s: %s, %.1f s, %.1f processor seconds, %lld examples through gradients, %lld losses\n",
      argv[1], c.batch, static_cast<long long>(c.context), is_brief ? ", brief" : "", to_string(report.status),
      seconds.wall, seconds.cpu, static_cast<long long>(report.gradient_examples),
      static_cast<long long>(report.loss_examples));
  std::printf("peak memory beyond training's %.0f MB: %.0f MB = %.2f copies of the parameters\n", before / 1e6,
              extra / 1e6, extra / copy);
  return report.status == ProbeStatus::completed ? 0 : 1;
}
