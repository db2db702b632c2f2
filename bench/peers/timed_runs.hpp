// SPDX-License-Identifier: Apache-2.0
// Our half of side_by_side.py's protocol: says "ready", then does one timed run for each line on standard input and
// answers with its wall seconds and processor seconds.
#pragma once

#include <chrono>
#include <ctime>
#include <iostream>
#include <string>

namespace normdescent::bench {

template <class F>
void serve_timed_runs(const F& run) {
  std::string line;
  std::cout << "ready" << std::endl;
  while (std::getline(std::cin, line)) {
    const std::clock_t cpu = std::clock();
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    std::cout << wall.count() << " " << static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC << std::endl;
  }
}

}  // namespace normdescent::bench
