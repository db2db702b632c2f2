// SPDX-License-Identifier: Apache-2.0
// What is known of a training problem before it is trained: a probe and a short race. All predictions follow from it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "normdescent/probe/report.hpp"

namespace normdescent {

/// One rate that was tried before the short race, or in it.
struct ShortTrial {
  std::int64_t steps = 0;
  double learning_rate = 0.0;
  double final_loss = 0.0;  ///< validation; +infinity if it diverged
};

/// An optimizer as people run it, momentum included, at the better of two rates over a share of the steps.
struct ShortRun {
  std::string optimizer;
  double learning_rate = 0.0;
  std::vector<double> steps;   ///< of the validation curve, the first 0
  std::vector<double> losses;  ///< validation losses there; empty if it diverged
  std::vector<ShortTrial> trials;
};

struct Evidence {
  ProbeReport probe;
  std::int64_t short_steps = 0;  ///< 0: there was no short race
  std::vector<ShortRun> short_runs;

  /// nullptr if it did not take part.
  [[nodiscard]] const ShortRun* find_short(const std::string& optimizer) const;
};

}  // namespace normdescent
