// SPDX-License-Identifier: Apache-2.0
// Our half of side_by_side.py's protocol: says "ready", then does one timed run for each line on standard input and
// answers with its wall seconds and processor seconds.
#pragma once

#include <iostream>
#include <string>

#include "../seconds.hpp"

namespace normdescent::bench {

template <class F>
void serve_timed_runs(const F& run) {
  std::string line;
  std::cout << "ready" << std::endl;
  while (std::getline(std::cin, line)) {
    const Seconds seconds = timed(run);
    std::cout << seconds.wall << " " << seconds.cpu << std::endl;
  }
}

}  // namespace normdescent::bench
