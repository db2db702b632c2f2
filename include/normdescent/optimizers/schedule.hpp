// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules as a factor in [0, 1] of the peak learning rate.
#pragma once

#include <cstdint>

namespace normdescent {

enum class Decay { constant, linear, cosine };

/// Linear warm-up to 1 over `warmup_steps`, then decay to `final_factor` at `total_steps`.
struct Schedule {
  std::int64_t total_steps = 1;
  std::int64_t warmup_steps = 0;
  Decay decay = Decay::cosine;
  double final_factor = 0.0;

  /// Factor for step = 0 .. total_steps - 1.
  ///   step < warmup: (step + 1) / (warmup + 1);  else with p = (step - warmup) / max(1, total - warmup):
  ///   linear 1 - (1 - final) p, cosine final + (1 - final) (1 + cos(pi p)) / 2.
  [[nodiscard]] double factor(std::int64_t step) const;
};

}  // namespace normdescent
