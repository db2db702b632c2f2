// SPDX-License-Identifier: Apache-2.0
// Loss spikes: mini-batch losses far above what the run has shown lately.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

namespace normdescent {

inline constexpr std::size_t kSpikeWindow = 100;  ///< losses that a new one is compared with
inline constexpr std::size_t kSpikeMinimum = 20;  ///< fewer say nothing about the spread
inline constexpr double kSpikeScore = 6.0;        ///< of Gaussian losses one in 10^9 is a spike
inline constexpr double kSmallestSpread = 1e-3;   ///< of the median: losses that hardly differ are no measure

/// Robust z-score of a loss against the window of those before it (Iglewicz and Hoaglin 1993):
///
///   z = (loss - median) / max(1.4826 median |loss_i - median|, kSmallestSpread |median|)
///
/// 1.4826 makes the median absolute deviation the standard deviation of a Gaussian. Spikes enter the window too: up to
/// half of it they hardly move either median, and a run that stays high is no spike any more.
class SpikeDetector {
 public:
  /// The score of `loss` if it is above kSpikeScore; remembers the loss. A loss that is not finite is neither.
  std::optional<double> add(double loss);

 private:
  std::deque<double> window_;
};

}  // namespace normdescent
