// SPDX-License-Identifier: Apache-2.0
// The smallest number of samples over an algorithm's settings, by hill climbing: exponents are measured at the best
// settings and not at those that theory proposes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

namespace normdescent::lab {

struct TunedSamples {
  double samples = std::numeric_limits<double>::infinity();
  double learning_rate = 0.0;
  double averaging = 1.0;  ///< a
  int evaluations = 0;
};

/// How many doublings `averaging` may go from its first guess.
inline constexpr int kAveragingRange = 4;

/// `samples(learning_rate, averaging, cap)` returns the samples needed, or infinity if they exceed `cap`. Climbs by
/// factors of two in the learning rate and (if `tunes_averaging`) in a <= 1, then by factors of 2^(1/4): the best rate
/// is often the largest that works at all, and a coarse grid would turn that edge into a sawtooth.
template <class Samples>
TunedSamples tune_by_climbing(const Samples& samples, double learning_rate, double averaging, bool tunes_averaging,
                              double first_cap) {
  using Place = std::array<int, 2>;  // quarters of a doubling of the rate and of a
  constexpr int kQuarters = 4;
  std::map<Place, double> known;
  int evaluations = 0;
  double cap = first_cap;
  double best = std::numeric_limits<double>::infinity();
  Place place{0, 0};
  const auto rate_at = [&](const Place& p) { return learning_rate * std::exp2(p[0] / double{kQuarters}); };
  const auto averaging_at = [&](const Place& p) {
    return std::min(1.0, averaging * std::exp2(p[1] / double{kQuarters}));
  };
  const auto evaluate = [&](const Place& p) {
    const auto found = known.find(p);
    if (found != known.end()) return found->second;
    ++evaluations;
    return known[p] = samples(rate_at(p), averaging_at(p), std::isfinite(best) ? best : cap);
  };
  best = evaluate(place);
  for (int stride = kQuarters; stride >= 1;) {
    const Place here = place;
    for (const auto& [i, j] : {Place{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}}) {
      const Place next{here[0] + i * stride, here[1] + j * stride};
      if (j != 0 && (!tunes_averaging || std::abs(next[1]) > kQuarters * kAveragingRange)) continue;
      if (j > 0 && averaging_at(here) == 1.0) continue;
      const double value = evaluate(next);
      if (value < best) {
        best = value;
        place = next;
      }
    }
    if (place != here) continue;
    if (std::isfinite(best) || cap > 1e10) {
      stride /= kQuarters;
    } else {
      cap *= 10;  // nothing arrived yet: more time for all
      known.clear();
    }
  }
  return {best, rate_at(place), averaging_at(place), evaluations};
}

}  // namespace normdescent::lab
