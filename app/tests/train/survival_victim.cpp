// SPDX-License-Identifier: Apache-2.0
// Trains in the folder that it is given until the end, continuing where that is possible. survival_test kills it.
//   survival_victim FOLDER always|never
// Writes one byte to standard output when it begins to train.
#include <algorithm>
#include <cstdio>
#include <string>

#include "normdescent/base/user_error.hpp"
#include "normdescent/files/folder_lock.hpp"
#include "survival_run.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 3) return 2;
  const std::filesystem::path path = argv[1];
  TrainerOptions options =
      test::survival_options(std::string(argv[2]) == "always" ? BackgroundWrites::always : BackgroundWrites::never);
  try {
    const bool exists = std::filesystem::exists(path);
    const auto is_of_a_run = [](const auto& entry) { return entry.path().filename() != kLockFile; };
    options.resume = exists && std::any_of(std::filesystem::directory_iterator(path),
                                           std::filesystem::directory_iterator(), is_of_a_run);
    const RunFolder folder = exists ? RunFolder::open(path) : RunFolder::create(path);
    std::putchar('x');
    std::fflush(stdout);
    TrainerObserver observer;
    const auto report = train(test::survival_problem(), test::survival_optimizer(), options, folder, observer);
    return report.status == RunStatus::completed ? 0 : 1;
  } catch (const UserError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
