// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/tail_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/sample_orders.hpp"

namespace normdescent {
namespace {

constexpr std::size_t kSmallestCount = 16;

// Mean of log|Y_m| over orders and blocks of m, for m in `blocks`, added to `sums`. False for a constant series.
bool add_log_sums(std::span<const double> series, std::span<const Order> orders, std::span<const std::size_t> blocks,
                  std::span<double> sums) {
  const std::size_t count = orders.front().size();
  double mean = 0.0;
  for (const std::size_t k : orders.front()) mean += series[k] / static_cast<double>(count);
  bool varies = false;
  for (const std::size_t k : orders.front()) varies = varies || series[k] != series[orders.front().front()];
  if (!varies) return false;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const std::size_t m = blocks[b];
    double logs = 0.0;
    double used = 0.0;
    for (const Order& order : orders) {
      for (std::size_t first = 0; first + m <= count; first += m) {
        double sum = 0.0;
        for (std::size_t k = first; k < first + m; ++k) sum += series[order[k]] - mean;
        // An exact 0 has no logarithm; the smallest normal number stands in, as the estimator's authors add 2^-52.
        logs += std::log(std::abs(sum) + std::numeric_limits<double>::min());
        used += 1.0;
      }
      if (m == 1) break;  // every order gives the same sum
    }
    sums[b] += logs / used;
  }
  return true;
}

// log of the factor by which centring over K samples shrinks the scale of sums of m alpha-stable samples.
double log_centring(double m, double count, double alpha) {
  const double share = m / count;
  return std::log(std::pow(1.0 - share, alpha) + (count - m) / m * std::pow(share, alpha)) / alpha;
}

// Solves (log m2 - log m1)/alpha + centring(m2) - centring(m1) = difference for alpha.
double solve_alpha(double difference, double small, double large, double count) {
  double low = 0.2;
  double high = 50.0;
  const auto excess = [&](double alpha) {
    return std::log(large / small) / alpha + log_centring(large, count, alpha) - log_centring(small, count, alpha) -
           difference;
  };
  for (int step = 0; step < 80; ++step) {
    const double middle = std::sqrt(low * high);
    (excess(middle) > 0.0 ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

struct Reading {
  double two_scale = 0.0;
  double one_scale = 0.0;
  std::int64_t series = 0;
};

Reading read(const std::vector<std::vector<double>>& series, std::span<const Order> orders, std::size_t small,
             std::size_t large) {
  const std::array<std::size_t, 3> blocks = {1, small, large};
  std::array<double, 3> logs{};
  Reading reading;
  for (const auto& x : series) reading.series += add_log_sums(x, orders, blocks, logs) ? 1 : 0;
  if (reading.series == 0) return reading;
  for (double& x : logs) x /= static_cast<double>(reading.series);
  const auto count = static_cast<double>(orders.front().size());
  const auto m1 = static_cast<double>(small);
  const auto m2 = static_cast<double>(large);
  reading.two_scale = solve_alpha(logs[2] - logs[1], m1, m2, count);
  reading.one_scale = solve_alpha(logs[2] - logs[0], 1.0, m2, count);
  return reading;
}

}  // namespace

ScalarSampler::ScalarSampler(std::span<const Parameter> parameters, int coordinates, int projections,
                             std::uint64_t seed, int projection_width)
    : width_(static_cast<std::size_t>(projection_width)) {
  coordinates_.series = static_cast<std::size_t>(coordinates);
  projections_.series = static_cast<std::size_t>(projections);
  const auto total = static_cast<std::uint64_t>(dimension(parameters));
  Philox random(seed);
  const std::size_t terms = coordinates_.series + projections_.series * width_;
  for (std::size_t j = 0; j < terms && total > 0; ++j) {
    auto index = static_cast<Index>(random.below(total));
    std::uint32_t tensor = 0;
    while (index >= static_cast<Index>(parameters[tensor].value.size())) {
      index -= static_cast<Index>(parameters[tensor].value.size());
      ++tensor;
    }
    places_.push_back({tensor, (random() & 1U) != 0U ? 1.0F : -1.0F, index});
  }
}

void ScalarSampler::add(std::span<const Parameter> parameters) {
  const auto value = [&](std::size_t j) -> double {
    const Place& place = places_[j];
    const auto gradient = parameters[place.tensor].gradient;
    return gradient.empty() ? 0.0 : static_cast<double>(gradient[static_cast<std::size_t>(place.index)]);
  };
  if (places_.empty()) return;
  for (std::size_t j = 0; j < coordinates_.series; ++j) coordinates_.values.push_back(value(j));
  for (std::size_t p = 0; p < projections_.series; ++p) {
    double sum = 0.0;
    for (std::size_t w = 0; w < width_; ++w) {
      const std::size_t j = coordinates_.series + p * width_ + w;
      sum += static_cast<double>(places_[j].sign) * value(j);
    }
    projections_.values.push_back(sum);
  }
}

TailIndex estimate_tail_index(const ScalarSamples& samples, std::uint64_t seed) {
  TailIndex result;
  const std::size_t count = samples.count();
  if (count < kSmallestCount) return result;
  std::vector<std::vector<double>> series(samples.series, std::vector<double>(count));
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t j = 0; j < samples.series; ++j) series[j][k] = samples.values[k * samples.series + j];
  }
  const std::size_t large = std::min<std::size_t>(100, count / 4);
  const auto small = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(large))));
  const std::vector<Order> orders = random_orders(count, seed);
  const Reading full = read(series, orders, small, large);
  result.samples = static_cast<std::int64_t>(count);
  result.series = full.series;
  if (full.series == 0) return result;
  result.two_scale.value = full.two_scale;
  result.one_scale = full.one_scale;
  result.small_block = static_cast<int>(small);
  result.large_block = static_cast<int>(large);
  // Delete-a-group jackknife on 1/alpha, the quantity that is nearly linear in the samples.
  std::array<double, kJackknifeGroups> deleted{};
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) {
    std::vector<Order> kept = orders;
    for (Order& order : kept) std::erase_if(order, [g](std::size_t k) { return k % kJackknifeGroups == g; });
    deleted[g] = 1.0 / read(series, kept, small, large).two_scale;
  }
  result.two_scale.standard_error = jackknife_error(deleted) * full.two_scale * full.two_scale;
  return result;
}

double TailIndex::moment_order() const {
  if (samples == 0 || series == 0) return 2.0;
  if (two_scale.value + 2.0 * two_scale.standard_error >= 2.0) return 2.0;
  return std::clamp(two_scale.value, 1.05, 2.0);
}

std::string TailIndex::explanation() const {
  if (samples == 0 || series == 0)
    return "tail index not measurable: it needs at least 16 micro-batches whose gradients differ";
  std::array<char, 400> text{};
  const bool heavy = moment_order() < 2.0;
  std::snprintf(text.data(), text.size(),
                "tail index %.2f +- %.2f from %lld micro-batches (one-scale reading %.2f): %s", two_scale.value,
                two_scale.standard_error, static_cast<long long>(samples), one_scale,
                heavy ? "heavier than finite variance at these block sizes"
                      : "no evidence against finite variance; so few samples cannot exclude rare large ones");
  return text.data();
}

}  // namespace normdescent
