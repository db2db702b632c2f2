// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/tail_comparison.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "normdescent/base/numbers.hpp"
#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/quantile.hpp"
#include "usable_series.hpp"

namespace normdescent {
namespace {

using tail_detail::UsableSamples;

constexpr std::size_t kLeastExceedances = 24;
constexpr double kLargestShare = 0.1;
constexpr double kGridRatio = 1.3;
constexpr std::size_t kSmallBlock = 4;
constexpr double kMoment = 4.0;
constexpr std::size_t kGrowthOrders = 32;
// Of 64 samples with 2.5 degrees of freedom block sums read 1.74 and moments 1.86; an index of 1.5 reads 1.4 and 1.5.
constexpr double kHeavySums = 1.65;
constexpr double kHeavyGrowth = 1.75;
constexpr double kWildRatio = 1.5;

// |x| over the series' median |x|, all pooled, largest first.
std::vector<double> pooled_sizes(const UsableSamples& samples, std::size_t deleted) {
  std::vector<double> pooled;
  for (const auto& series : samples.series) {
    std::vector<double> x = tail_detail::centred(series, deleted);
    for (double& value : x) value = std::abs(value);
    const double scale = median(x);
    if (!(scale > 0.0) || !std::isfinite(scale)) continue;
    // Centring may overflow; what is not a number then was large.
    for (const double value : x) pooled.push_back(std::isnan(value) ? kInfinity : value / scale);
  }
  std::ranges::sort(pooled, std::greater<>());
  return pooled;
}

double hill(std::span<const double> sizes, std::size_t k) {
  double logs = 0.0;
  for (std::size_t i = 0; i < k; ++i) logs += std::log(sizes[i] / sizes[k]);
  return logs > 0.0 ? static_cast<double>(k) / logs : kInfinity;
}

// Largest distance between the exceedances' distribution and the Pareto law with their index.
double pareto_distance(std::span<const double> sizes, std::size_t k, double alpha) {
  double distance = 0.0;
  for (std::size_t i = 0; i < k; ++i) {
    const double survival = std::pow(sizes[i] / sizes[k], -alpha);
    const double n = static_cast<double>(k);
    distance = std::max({distance, std::abs(survival - static_cast<double>(i) / n),
                         std::abs(survival - static_cast<double>(i + 1) / n)});
  }
  return distance;
}

// Slope of log sum |x|^4 in log m; NaN without series.
double growth_slope(const UsableSamples& samples, std::size_t deleted, tail_detail::Orders& orders) {
  const std::size_t large = samples.least / 4;
  std::array<double, 2> logs{};
  std::array<double, 2> blocks{};
  for (const auto& series : samples.series) {
    if (series.values.size() < samples.least) continue;
    std::vector<double> x = tail_detail::centred(series, deleted);
    for (double& value : x) value *= value * value * value;
    for (const auto& order : orders.of(x.size())) {
      for (std::size_t b = 0; b < 2; ++b) {
        const std::size_t m = b == 0 ? kSmallBlock : large;
        for (std::size_t first = 0; first + m <= x.size(); first += m) {
          double sum = 0.0;
          for (std::size_t k = first; k < first + m; ++k) sum += x[order[k]];
          if (!(sum > 0.0)) continue;
          logs[b] += std::log(sum);
          blocks[b] += 1.0;
        }
      }
    }
  }
  return (logs[1] / blocks[1] - logs[0] / blocks[0]) / std::log(static_cast<double>(large) / kSmallBlock);
}

// `heavy_below` is 2 less the bias of laws whose variance is finite.
TailVerdict verdict_of(const Estimate& alpha, double heavy_below) {
  if (alpha.value + 2.0 * alpha.standard_error < heavy_below) return TailVerdict::heavy;
  return alpha.value - 2.0 * alpha.standard_error > 2.0 ? TailVerdict::finite_variance : TailVerdict::undecided;
}

// Whether two readings, each cut off at 2, are further apart than errors and known bias explain.
bool are_wildly_apart(const Estimate& a, const Estimate& b) {
  const double low = std::min(a.value, b.value);
  const double high = std::min(2.0, std::max(a.value, b.value));
  return high > kWildRatio * low && high - low > 2.0 * std::hypot(a.standard_error, b.standard_error);
}

}  // namespace

const char* to_string(TailVerdict verdict) {
  switch (verdict) {
    case TailVerdict::not_measured: return "not measured";
    case TailVerdict::heavy: return "infinite variance";
    case TailVerdict::undecided: return "undecided";
    case TailVerdict::finite_variance: return "finite variance";
  }
  return "unknown";
}

TailVerdict TailIndex::verdict() const {
  if (series == 0) return TailVerdict::not_measured;
  const double highest = two_scale.value + 2.0 * two_scale.standard_error;
  if (highest < kHeavySums) return TailVerdict::heavy;
  // Block sums read at most about 2, so that "finite" can only be "near 2".
  const bool is_near = highest >= 2.0 && two_scale.standard_error < 0.1;
  return is_near ? TailVerdict::finite_variance : TailVerdict::undecided;
}
TailVerdict HillIndex::verdict() const { return exceedances == 0 ? TailVerdict::not_measured : verdict_of(alpha, 2.0); }
TailVerdict MomentGrowth::verdict() const {
  return samples == 0 ? TailVerdict::not_measured : verdict_of(alpha, kHeavyGrowth);
}

HillIndex estimate_hill(const ScalarSamples& samples) {
  HillIndex result;
  const UsableSamples usable = tail_detail::usable_samples(samples);
  if (!usable.is_finite) return result;
  const auto sizes = pooled_sizes(usable, kNoGroup);
  const auto largest = static_cast<std::size_t>(kLargestShare * static_cast<double>(sizes.size()));
  if (largest < kLeastExceedances || !std::isfinite(sizes.front())) return result;
  HillIndex best;
  best.distance = kInfinity;
  for (auto k = static_cast<double>(kLeastExceedances); k <= static_cast<double>(largest); k *= kGridRatio) {
    const auto count = static_cast<std::size_t>(k);
    const double alpha = hill(sizes, count);
    if (!std::isfinite(alpha)) continue;
    const double distance = pareto_distance(sizes, count, alpha);
    if (distance >= best.distance) continue;
    best = {{alpha, 0.0}, static_cast<std::int64_t>(count), sizes[count], distance};
  }
  if (!(best.alpha.value > tail_detail::kLowestAlpha && best.alpha.value < tail_detail::kHighestAlpha)) return result;
  const double share = static_cast<double>(best.exceedances) / static_cast<double>(sizes.size());
  std::array<double, kJackknifeGroups> deleted{};
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) {
    const auto fewer = pooled_sizes(usable, g);
    const auto k = std::max<std::size_t>(2, static_cast<std::size_t>(share * static_cast<double>(fewer.size())));
    deleted[g] = 1.0 / hill(fewer, k);
  }
  best.alpha.standard_error = jackknife_error(deleted) * best.alpha.value * best.alpha.value;
  return std::isfinite(best.alpha.standard_error) ? best : result;
}

MomentGrowth estimate_moment_growth(const ScalarSamples& samples, std::uint64_t seed) {
  MomentGrowth result;
  const UsableSamples usable = tail_detail::usable_samples(samples);
  if (!usable.is_finite || usable.least / 4 <= kSmallBlock) return result;
  tail_detail::Orders orders(seed, kGrowthOrders);
  const double alpha = kMoment / growth_slope(usable, kNoGroup, orders);
  if (!(alpha > tail_detail::kLowestAlpha && alpha < tail_detail::kHighestAlpha)) return result;
  std::array<double, kJackknifeGroups> deleted{};
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) deleted[g] = growth_slope(usable, g, orders);
  const double error = jackknife_error(deleted) * alpha * alpha / kMoment;
  if (std::isfinite(error)) result = {{alpha, error}, static_cast<std::int64_t>(samples.count())};
  return result;
}

TailComparison compare_tails(const ScalarSamples& samples, const TailIndex& block_sums, std::uint64_t seed) {
  TailComparison result;
  result.hill = estimate_hill(samples);
  result.growth = estimate_moment_growth(samples, seed);
  const std::array<TailVerdict, 3> verdicts = {block_sums.verdict(), result.hill.verdict(), result.growth.verdict()};
  const auto says = [&](TailVerdict verdict) { return std::ranges::count(verdicts, verdict) > 0; };
  result.disagree = says(TailVerdict::heavy) && says(TailVerdict::finite_variance);
  const std::array<Estimate, 3> readings = {block_sums.two_scale, result.hill.alpha, result.growth.alpha};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool both = verdicts[i] != TailVerdict::not_measured && verdicts[j] != TailVerdict::not_measured;
      result.disagree = result.disagree || (both && are_wildly_apart(readings[i], readings[j]));
    }
  }
  const auto reading = [](const char* name, TailVerdict verdict, const Estimate& alpha) {
    std::array<char, 120> text{};
    if (verdict == TailVerdict::not_measured) {
      std::snprintf(text.data(), text.size(), "%s not measured", name);
    } else {
      std::snprintf(text.data(), text.size(), "%s %.2f +- %.2f (%s)", name, alpha.value, alpha.standard_error,
                    to_string(verdict));
    }
    return std::string(text.data());
  };
  result.sentence = reading("block sums", verdicts[0], block_sums.two_scale) + ", " +
                    reading("Hill", verdicts[1], result.hill.alpha) + ", " +
                    reading("growth of the fourth moment", verdicts[2], result.growth.alpha) + ": ";
  if (result.disagree) {
    result.verdict = TailVerdict::undecided;
    result.sentence += "they disagree, so the tail is not known at these sample sizes";
  } else if (says(TailVerdict::heavy)) {
    result.verdict = TailVerdict::heavy;
    result.sentence += "none contradicts infinite variance";
  } else if (says(TailVerdict::finite_variance)) {
    result.verdict = TailVerdict::finite_variance;
    result.sentence += "none contradicts finite variance";
  } else {
    result.verdict = says(TailVerdict::undecided) ? TailVerdict::undecided : TailVerdict::not_measured;
    result.sentence += to_string(result.verdict);
  }
  const double repeated = tail_detail::usable_samples(samples).repeated;
  if (repeated > kRepeatedShare) {
    std::array<char, 120> text{};
    std::snprintf(text.data(), text.size(), " (%.0f%% of the entries repeat one value, or were zero, and are left out)",
                  100.0 * repeated);
    result.sentence += text.data();
  }
  return result;
}

}  // namespace normdescent
