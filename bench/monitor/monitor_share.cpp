// SPDX-License-Identifier: Apache-2.0
// What `train --monitor` costs: AdamW steps of a GPT on random tokens, plain and monitored ones in turn.
//
//   monitor_share MODEL BATCH CONTEXT PAIRS
//
// A pair is as many monitored steps as hold one that is observed at both ends, and as many plain ones. The share at an
// interval N is (monitored - plain) / (N plain), medians over the pairs: a run with and a run without the monitor would
// differ by less than two runs without it do.
#include <cstdio>
#include <vector>

#include "../gpt_objective.hpp"
#include "../seconds.hpp"
#include "monitored_objective.hpp"

namespace normdescent {
namespace {

using bench::median;
using bench::Seconds;

void print_share(const char* clock, const std::vector<Seconds>& plain, const std::vector<Seconds>& monitored,
                 double Seconds::*seconds) {
  std::vector<double> steps;
  std::vector<double> extras;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    steps.push_back(plain[i].*seconds);
    extras.push_back(monitored[i].*seconds - plain[i].*seconds);
  }
  const double step = median(steps);
  const double extra = median(extras);
  std::printf("%-4s  step %.4f s, monitored step %+.4f s; share at --monitor", clock, step, extra);
  for (const int every : {10, 20, 50, 100}) std::printf("  %d: %.2f%%", every, 100.0 * extra / (every * step));
  std::printf("\n");
}

int run(int argc, char** argv) {
  const bench::GptCase c = bench::parse_case(argc, argv);  // `steps` are the pairs
  const auto objective = bench::gpt_objective(c);
  Optimizer<float> optimizer = bench::adamw(*objective);
  // Batches so far apart that each is of a monitored step, which measures a matrix, too.
  const std::int64_t kEvery = MonitorOptions{}.matrix_every;
  train_detail::MonitoredObjective monitored(*objective, c.batch, kEvery);
  Batch batch{.stream = 0, .first = 0, .count = c.batch};
  const auto step = [&](Objective& trained) {
    constexpr std::int64_t kSteps = train_detail::MonitoredObjective::kJudgedSteps;
    const Seconds all = bench::timed([&] {
      for (std::int64_t k = 0; k < kSteps; ++k) {
        (void)trained.gradient(batch);
        optimizer.step(objective->parameters());
        if (&trained == &monitored) (void)monitored.take_noise();
        batch.first += kEvery * c.batch;
      }
    });
    return Seconds{all.wall / kSteps, all.cpu / kSteps};
  };
  (void)step(*objective);
  (void)step(monitored);
  std::vector<Seconds> plain_steps;
  std::vector<Seconds> monitored_steps;
  for (int pair = 0; pair < c.steps; ++pair) {
    plain_steps.push_back(step(*objective));
    monitored_steps.push_back(step(monitored));
  }
  std::printf("%s, %u x %lld tokens, %d pairs\n", argv[1], c.batch, static_cast<long long>(c.context), c.steps);
  print_share("wall", plain_steps, monitored_steps, &Seconds::wall);
  print_share("cpu", plain_steps, monitored_steps, &Seconds::cpu);
  return 0;
}

}  // namespace
}  // namespace normdescent

int main(int argc, char** argv) { return argc == 5 ? normdescent::run(argc, argv) : 2; }
