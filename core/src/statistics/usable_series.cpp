// SPDX-License-Identifier: Apache-2.0
#include "usable_series.hpp"

#include <algorithm>
#include <cmath>

#include "normdescent/statistics/jackknife.hpp"

namespace normdescent {

std::vector<double> repeated_values(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });  // it has no order, and equals nothing
  std::ranges::sort(values);
  const double share = kRepeatedShare * static_cast<double>(values.size());
  std::vector<double> result;
  for (std::size_t first = 0; first < values.size();) {
    std::size_t last = first;
    while (last < values.size() && values[last] == values[first]) ++last;
    if (last - first > kRepeats && static_cast<double>(last - first) > share) result.push_back(values[first]);
    first = last;
  }
  return result;
}

namespace tail_detail {

UsableSamples usable_samples(const ScalarSamples& samples) {
  UsableSamples result;
  const std::size_t count = samples.count();
  double used = 0.0;
  std::vector<std::size_t> counts;
  for (std::size_t j = 0; j < samples.series; ++j) {
    std::vector<double> values;
    for (std::size_t k = 0; k < count; ++k) {
      const double x = samples.values[k * samples.series + j];
      if (!std::isnan(x)) values.push_back(x);
      result.is_finite = result.is_finite && !std::isinf(x);
    }
    const std::vector<double> repeated = repeated_values(values);
    UsableSeries series;
    for (std::size_t k = 0; k < count; ++k) {
      const double x = samples.values[k * samples.series + j];
      if (std::isnan(x) || std::ranges::binary_search(repeated, x)) continue;
      series.values.push_back(x);
      series.rows.push_back(k);
    }
    used += static_cast<double>(series.values.size());
    if (series.values.size() < kLeastSamples) continue;
    counts.push_back(series.values.size());
    result.series.push_back(std::move(series));
  }
  if (!samples.values.empty()) result.repeated = 1.0 - used / static_cast<double>(samples.values.size());
  if (counts.empty()) return result;
  const auto quartile = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 4);
  std::ranges::nth_element(counts, quartile);
  result.least = *quartile;
  return result;
}

bool is_kept(std::size_t row, std::size_t deleted) { return row % kJackknifeGroups != deleted; }

std::vector<double> centred(const UsableSeries& series, std::size_t deleted) {
  std::vector<double> x;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (is_kept(series.rows[i], deleted)) x.push_back(series.values[i]);
  }
  double mean = 0.0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (double& value : x) value -= mean;
  return x;
}

const std::vector<Order>& Orders::of(std::size_t count) {
  if (known_.size() <= count) known_.resize(count + 1);
  if (known_[count].empty()) known_[count] = random_orders(count, number_, seed_);
  return known_[count];
}

}  // namespace tail_detail

}  // namespace normdescent
