// SPDX-License-Identifier: Apache-2.0
// One run of AdamW on every problem of the zoo, on one thread: the table of docs/zoo.md, with this machine's
// processor seconds. Arguments: names of problems; none: all.
#include <omp.h>

#include <cstdio>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/text.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/training/training_run.hpp"
#include "normdescent/zoo/zoo.hpp"

namespace {

using namespace normdescent;
/// Of this process, which has one thread: what else runs on the machine does not count.
double processor_seconds() { return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC); }

void print_row(const ZooProblem& entry) {
  const auto problem = entry.make();
  const auto objective = problem->instantiate(1);
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : objective->parameters()) infos.push_back(p.info);
  Optimizer<float> optimizer(adamw({.learning_rate = 3e-3}), std::move(infos));
  TrainingPosition position;
  TrainingObserver observer;
  const double start = processor_seconds();
  const TrainingReport report = train_once(*objective, optimizer, entry.batch_size,
                                           {.steps = entry.steps, .stream = training_stream(1)}, position, observer);
  const double seconds = processor_seconds() - start;
  std::printf("| `%s` | %s | %s | %u | %lld | %s | %s | %s → %s | %s |\n", entry.name.c_str(), entry.family.c_str(),
              grouped(dimension(objective->parameters())).c_str(), entry.batch_size,
              static_cast<long long>(entry.steps), entry.is_quick ? "yes" : "", fixed(seconds, 1).c_str(),
              significant(report.first_loss).c_str(), significant(report.final_loss).c_str(), entry.summary.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  omp_set_num_threads(1);
  std::printf("| name | family | parameters | batch | steps | quick | seconds | loss | what differs |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|\n");
  const std::vector<std::string> chosen(argv + 1, argv + argc);
  if (chosen.empty()) {
    for (const ZooProblem& entry : zoo()) print_row(entry);
  }
  for (const std::string& name : chosen) print_row(zoo_problem(name));
}
