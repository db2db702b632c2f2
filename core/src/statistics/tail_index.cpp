// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/tail_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/statistics/sample_orders.hpp"
#include "usable_series.hpp"

namespace normdescent {
namespace {

using tail_detail::kLeastSamples;
using tail_detail::UsableSeries;

constexpr double kRounding = 1e-12;  // of a sum, relative to its terms
constexpr std::size_t kOrders = 64;

// Mean of log|Y_m| over blocks of m of one order: NaN where all sums are 0.
double log_sums(const std::vector<double>& x, const Order& order, std::size_t m) {
  double logs = 0.0;
  double used = 0.0;
  for (std::size_t first = 0; first + m <= order.size(); first += m) {
    double sum = 0.0;
    double size = 0.0;
    for (std::size_t k = first; k < first + m; ++k) sum += x[order[k]], size += std::abs(x[order[k]]);
    if (std::abs(sum) <= kRounding * size) continue;  // values that cancel have no logarithm
    logs += std::log(std::abs(sum));
    used += 1.0;
  }
  return logs / used;
}

// log of the factor by which centring over K samples shrinks the scale of sums of m alpha-stable samples.
double log_centring(double m, double count, double alpha) {
  const double share = m / count;
  return std::log(std::pow(1.0 - share, alpha) + (count - m) / m * std::pow(share, alpha)) / alpha;
}

// Series by how many values they have.
using Counts = std::map<std::size_t, double>;

// Solves (log m2 - log m1)/alpha + mean over series of centring(m2) - centring(m1) = difference; NaN without a
// solution.
double solve_alpha(double difference, double small, double large, const Counts& counts) {
  const auto excess = [&](double alpha) {
    double centring = 0.0;
    double all = 0.0;
    for (const auto& [count, series] : counts) {
      const auto k = static_cast<double>(count);
      centring += series * (log_centring(large, k, alpha) - log_centring(small, k, alpha));
      all += series;
    }
    return std::log(large / small) / alpha + centring / all - difference;
  };
  double low = tail_detail::kLowestAlpha;
  double high = tail_detail::kHighestAlpha;
  if (!(excess(low) > 0.0) || !(excess(high) < 0.0)) return kNaN;
  for (int step = 0; step < 80; ++step) {
    const double middle = std::sqrt(low * high);
    (excess(middle) > 0.0 ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

struct Reading {
  double two_scale = kNaN;
  double one_scale = kNaN;
  std::int64_t series = 0;
  double variance_of_orders = 0.0;  // of 1 / two_scale, by the choice of kOrders orders
};

// Without the micro-batches of a group. Series with fewer than `least` values take no part.
Reading read(std::span<const UsableSeries> all, std::size_t least, std::size_t deleted, std::uint64_t seed,
             std::size_t small, std::size_t large) {
  double singles = 0.0;
  std::vector<std::array<double, 2>> logs(kOrders);  // of each order: m1 and m2
  Counts counts;
  Reading reading;
  tail_detail::Orders orders(seed, kOrders);
  for (const UsableSeries& series : all) {
    if (series.values.size() < least) continue;
    const std::vector<double> x = tail_detail::centred(series, deleted);
    if (x.size() < large) continue;
    const std::vector<Order>& mine = orders.of(x.size());
    std::vector<std::array<double, 2>> own;
    bool has_sums = true;
    for (const Order& order : mine) {
      own.push_back({log_sums(x, order, small), log_sums(x, order, large)});
      has_sums = has_sums && std::isfinite(own.back()[0] + own.back()[1]);
    }
    if (!has_sums) continue;
    for (std::size_t o = 0; o < kOrders; ++o) logs[o][0] += own[o][0], logs[o][1] += own[o][1];
    singles += log_sums(x, mine.front(), 1);  // every order gives the same
    counts[x.size()] += 1.0;
    ++reading.series;
  }
  if (reading.series == 0) return reading;
  const auto n = static_cast<double>(reading.series);
  const auto m1 = static_cast<double>(small);
  const auto m2 = static_cast<double>(large);
  std::vector<double> differences;
  double sums = 0.0;
  for (const auto& [of_small, of_large] : logs) {
    differences.push_back((of_large - of_small) / n);
    sums += of_large / n / static_cast<double>(kOrders);
  }
  const Estimate difference = mean_and_error(differences);
  reading.two_scale = solve_alpha(difference.value, m1, m2, counts);
  reading.one_scale = solve_alpha(sums - singles / n, 1.0, m2, counts);
  reading.variance_of_orders = std::pow(difference.standard_error / std::log(m2 / m1), 2);
  return reading;
}

// Standard error of 1/alpha, the quantity that is nearly linear in the samples: delete-a-group jackknife. Each of its 8
// readings has orders of its own, whose variance it counts 7 times; what is more than once is taken off.
double error_of_inverse(std::span<const UsableSeries> series, std::size_t least, std::uint64_t seed, std::size_t small,
                        std::size_t large, double variance_of_orders) {
  std::array<double, kJackknifeGroups> deleted{};
  double of_orders = 0.0;
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) {
    const Reading fewer = read(series, least, g, seed + 1 + g, small, large);
    deleted[g] = 1.0 / fewer.two_scale;
    of_orders += fewer.variance_of_orders * (1.0 - 1.0 / static_cast<double>(kJackknifeGroups));
  }
  const double spread = jackknife_error(deleted);
  return std::sqrt(std::max(spread * spread - of_orders, 0.0) + variance_of_orders);
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
  if (count < kLeastSamples) return result;
  result.samples = static_cast<std::int64_t>(count);
  const tail_detail::UsableSamples usable = tail_detail::usable_samples(samples);
  result.repeated = usable.repeated;
  if (!usable.is_finite) {
    result.reason = "a gradient is not finite";
    return result;
  }
  if (usable.series.empty()) return result;
  const std::size_t large = std::min<std::size_t>(100, usable.least / 4);
  const auto small = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(large))));
  const Reading full = read(usable.series, usable.least, kNoGroup, seed, small, large);
  const double error = full.two_scale * full.two_scale *
                       error_of_inverse(usable.series, usable.least, seed, small, large, full.variance_of_orders);
  if (!std::isfinite(full.two_scale) || !std::isfinite(error)) {
    result.reason = "sums of micro-batches grow as those of no tail index between 0.2 and 50";
    return result;
  }
  result.series = full.series;
  result.two_scale = {full.two_scale, error};
  result.one_scale = full.one_scale;
  result.small_block = static_cast<int>(small);
  result.large_block = static_cast<int>(large);
  return result;
}

double TailIndex::moment_order() const {
  return verdict() == TailVerdict::heavy ? std::clamp(two_scale.value, 1.05, 2.0) : 2.0;
}

std::string TailIndex::explanation() const {
  std::array<char, 400> text{};
  if (samples == 0 || series == 0) {
    if (!reason.empty()) return "tail index not measurable: " + reason;
    if (repeated <= kRepeatedShare)
      return "tail index not measurable: it needs at least 16 micro-batches whose gradients differ";
    std::snprintf(text.data(), text.size(),
                  "tail index not measurable: it needs at least 16 micro-batches whose gradients differ, and %.0f%% of "
                  "the entries repeat one value, as the exact zeros of sparse gradients do",
                  100.0 * repeated);
    return text.data();
  }
  const char* meaning = "no evidence against finite variance; so few samples cannot exclude rare large ones";
  if (verdict() == TailVerdict::heavy)
    meaning = "heavier than finite variance at these block sizes";
  else if (two_scale.value + 2.0 * two_scale.standard_error < 2.0)
    meaning = "below 2, as heavy tails of finite variance read, too (1.7 of Student's t with 2.5 degrees): undecided";
  const int length = std::snprintf(
      text.data(), text.size(), "tail index %.2f +- %.2f from %lld micro-batches (one-scale reading %.2f): %s",
      two_scale.value, two_scale.standard_error, static_cast<long long>(samples), one_scale, meaning);
  if (repeated > kRepeatedShare && length > 0) {
    std::snprintf(text.data() + length, text.size() - static_cast<std::size_t>(length),
                  "; of values that do not repeat, %.0f%% of all", 100.0 * (1.0 - repeated));
  }
  return text.data();
}

}  // namespace normdescent
