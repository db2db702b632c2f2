// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/loss_spikes.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

std::optional<double> SpikeDetector::add(double loss) {
  if (!std::isfinite(loss)) return std::nullopt;
  std::optional<double> spike;
  if (window_.size() >= kSpikeMinimum) {
    const double center = median({window_.begin(), window_.end()});
    std::vector<double> deviations;
    for (const double other : window_) deviations.push_back(std::abs(other - center));
    const double spread = std::max(1.4826 * median(std::move(deviations)), kSmallestSpread * std::abs(center));
    const double score = (loss - center) / spread;
    if (score > kSpikeScore) spike = score;
  }
  window_.push_back(loss);
  if (window_.size() > kSpikeWindow) window_.pop_front();
  return spike;
}

}  // namespace normdescent
