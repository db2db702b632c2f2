// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules as a factor in [0, 1] of the peak learning rate.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace normdescent {

enum class Decay {
  constant,
  linear,
  cosine,
  warmup_stable_decay,  ///< 1 after the warm-up, linear to the end in the last `decay_steps`
  one_cycle,            ///< cosine up and cosine down, both from and to small rates
  one_cycle_linear,     ///< the same along straight lines
};
/// "warmup-stable-decay"
[[nodiscard]] const char* to_string(Decay decay);
[[nodiscard]] std::optional<Decay> parse_decay(std::string_view name);
[[nodiscard]] std::vector<std::string_view> decay_names();

/// Warm-up to 1 over `warmup_steps`, then decay to `final_factor` at `total_steps`.
///
/// t < warmup: (t + 1) / (warmup + 1);  else with p = (t - warmup) / max(1, total - warmup):
///   linear               1 - (1 - final) p
///   cosine               final + (1 - final) (1 + cos(pi p)) / 2
///   warmup_stable_decay  1 - (1 - final) max(0, 1 - (total - t) / decay_steps)
/// one_cycle, with a = warmup - 1, b = total - 1 and cos(u -> v; p) = v + (u - v) (1 + cos(pi p)) / 2:
///   t <= a: cos(1/div -> 1; t/a);  else cos(1 -> 1/(div final_div); (t - a)/(b - a)).   (OneCycleLR of PyTorch)
/// one_cycle_linear: the same with line(u -> v; p) = u + (v - u) p.
struct Schedule {
  std::int64_t total_steps = 1;
  std::int64_t warmup_steps = 0;
  Decay decay = Decay::cosine;
  double final_factor = 0.0;     ///< not of the one-cycles
  std::int64_t decay_steps = 1;  ///< of warmup_stable_decay
  double div = 100.0;            ///< of one-cycles: they start at 1/div,
  double final_div = 1.0;        ///< and end at 1/(div final_div)

  /// Factor for step = 0 .. total_steps - 1.
  [[nodiscard]] double factor(std::int64_t step) const;
};

}  // namespace normdescent
