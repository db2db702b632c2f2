// SPDX-License-Identifier: Apache-2.0
// The share of a training step that reading its windows from token shards takes: shuffled order, AdamW, shards dropped
// from the page cache first.
//
//   data_loading MODEL BATCH CONTEXT STEPS FOLDER_OF_SHARDS
//
// Prints seconds of a step, seconds of its reading (medians), and the slowest reading: what the disk can add.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "../gpt_objective.hpp"
#include "../seconds.hpp"
#include "normdescent/data/token_corpus.hpp"
#include "normdescent/train/gpt_problem.hpp"

namespace normdescent {
namespace {

void drop_from_page_cache(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    (void)::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

int run(int argc, char** argv) {
  drop_from_page_cache(argv[5]);
  const auto corpus = open_token_folder(argv[5]);
  bench::GptCase c = bench::parse_case(argc, argv);
  c.shape.vocabulary = corpus->vocabulary;
  std::vector<double> readings;
  const auto objective = bench::gpt_objective(c, [&](const Batch& batch, std::span<std::int64_t> out) {
    const auto read = [&] { read_windows(*corpus->training, WindowOrder::shuffled_epochs, batch, out); };
    readings.push_back(bench::timed(read).wall);
  });
  Optimizer<float> optimizer = bench::adamw(*objective);
  std::vector<double> steps;
  for (int k = 0; k < c.steps; ++k) {
    steps.push_back(bench::timed([&] {
                      (void)objective->gradient(Batch::number(0, static_cast<std::uint64_t>(k), c.batch));
                      optimizer.step(objective->parameters());
                    }).wall);
  }
  std::printf("%.6g %.6g %.6g\n", bench::median(steps), bench::median(readings), *std::ranges::max_element(readings));
  return 0;
}

}  // namespace
}  // namespace normdescent

int main(int argc, char** argv) { return argc == 6 ? normdescent::run(argc, argv) : 2; }
