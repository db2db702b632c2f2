// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace normdescent {

double Schedule::factor(std::int64_t step) const {
  if (step < warmup_steps) return static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1);
  const auto length = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup_steps));
  const double p = std::min(1.0, static_cast<double>(step - warmup_steps) / length);
  switch (decay) {
    case Decay::constant: return 1.0;
    case Decay::linear: return 1.0 - (1.0 - final_factor) * p;
    case Decay::cosine: return final_factor + (1.0 - final_factor) * (1.0 + std::cos(std::numbers::pi * p)) / 2.0;
  }
  return 1.0;
}

}  // namespace normdescent
