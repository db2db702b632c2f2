// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace normdescent {
namespace {

constexpr std::array kDecays{Decay::constant,  Decay::linear,          Decay::cosine, Decay::warmup_stable_decay,
                             Decay::one_cycle, Decay::one_cycle_linear};

double cosine_between(double from, double to, double p) {
  return to + (from - to) * (1.0 + std::cos(std::numbers::pi * p)) / 2.0;
}

double line_between(double from, double to, double p) { return from + (to - from) * p; }

double one_cycle(const Schedule& s, std::int64_t step) {
  const auto between = s.decay == Decay::one_cycle ? cosine_between : line_between;
  const auto peak = static_cast<double>(s.warmup_steps - 1);
  const auto last = static_cast<double>(s.total_steps - 1);
  const auto t = std::min(static_cast<double>(step), last);
  // A warm-up of one step is its end.
  if (t <= peak) return between(1.0 / s.div, 1.0, peak > 0.0 ? t / peak : 1.0);
  return between(1.0, 1.0 / (s.div * s.final_div), (t - peak) / (last - peak));
}

}  // namespace

const char* to_string(Decay decay) {
  switch (decay) {
    case Decay::constant: return "constant";
    case Decay::linear: return "linear";
    case Decay::cosine: return "cosine";
    case Decay::warmup_stable_decay: return "warmup-stable-decay";
    case Decay::one_cycle: return "one-cycle";
    case Decay::one_cycle_linear: return "one-cycle-linear";
  }
  return "unknown";
}

std::optional<Decay> parse_decay(std::string_view name) {
  for (const Decay decay : kDecays) {
    if (name == to_string(decay)) return decay;
  }
  return std::nullopt;
}

std::vector<std::string_view> decay_names() {
  std::vector<std::string_view> names;
  for (const Decay decay : kDecays) names.emplace_back(to_string(decay));
  return names;
}

double Schedule::factor(std::int64_t step) const {
  if (decay == Decay::one_cycle || decay == Decay::one_cycle_linear) return one_cycle(*this, step);
  if (step < warmup_steps) return static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1);
  const auto length = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup_steps));
  const double p = std::min(1.0, static_cast<double>(step - warmup_steps) / length);
  switch (decay) {
    case Decay::linear: return 1.0 - (1.0 - final_factor) * p;
    case Decay::cosine: return cosine_between(1.0, final_factor, p);
    case Decay::warmup_stable_decay: {
      const auto left = static_cast<double>(std::max<std::int64_t>(0, total_steps - step));
      const double done = 1.0 - left / static_cast<double>(std::max<std::int64_t>(1, decay_steps));
      return 1.0 - (1.0 - final_factor) * std::max(0.0, done);
    }
    default: return 1.0;
  }
}

}  // namespace normdescent
