// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/tail_comparison.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/sample_orders.hpp"

namespace normdescent {
namespace {

constexpr std::size_t kLeastSamples = 16;
constexpr std::size_t kLeastExceedances = 24;
constexpr double kLargestShare = 0.1;
constexpr double kGridRatio = 1.3;
constexpr std::size_t kSmallBlock = 4;
constexpr double kMoment = 4.0;

// Series without the samples of one group, centred; those that are constant are left out.
std::vector<std::vector<double>> centred(const ScalarSamples& samples, std::size_t deleted) {
  std::vector<std::vector<double>> result;
  for (std::size_t j = 0; j < samples.series; ++j) {
    std::vector<double> x;
    for (std::size_t k = 0; k < samples.count(); ++k) {
      if (k % kJackknifeGroups != deleted) x.push_back(samples.values[k * samples.series + j]);
    }
    if (std::ranges::all_of(x, [&](double value) { return value == x.front(); })) continue;
    double mean = 0.0;
    for (const double value : x) mean += value / static_cast<double>(x.size());
    for (double& value : x) value -= mean;
    result.push_back(std::move(x));
  }
  return result;
}

// |x| over the series' median |x|, all pooled, largest first.
std::vector<double> pooled_sizes(const ScalarSamples& samples, std::size_t deleted) {
  std::vector<double> pooled;
  for (auto& x : centred(samples, deleted)) {
    for (double& value : x) value = std::abs(value);
    const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
    std::nth_element(x.begin(), middle, x.end());
    const double median = *middle;
    // Most samples equal: the series has no scale of its own.
    if (!(median > 0.0) || !std::isfinite(median)) continue;
    for (const double value : x) pooled.push_back(value / median);
  }
  std::ranges::sort(pooled, std::greater<>());
  return pooled;
}

double hill(std::span<const double> sizes, std::size_t k) {
  double logs = 0.0;
  for (std::size_t i = 0; i < k; ++i) logs += std::log(sizes[i] / sizes[k]);
  return logs > 0.0 ? static_cast<double>(k) / logs : std::numeric_limits<double>::infinity();
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

// Slope of log sum |x|^4 in log m; 0 without series.
double growth_slope(const ScalarSamples& samples, std::size_t deleted, std::uint64_t seed) {
  const auto series = centred(samples, deleted);
  if (series.empty()) return 0.0;
  const std::size_t count = series.front().size();
  const std::size_t large = count / 4;
  const auto orders = random_orders(count, seed);
  std::array<double, 2> logs{};
  std::array<double, 2> blocks{};
  for (const auto& x : series) {
    for (const auto& order : orders) {
      for (std::size_t b = 0; b < 2; ++b) {
        const std::size_t m = b == 0 ? kSmallBlock : large;
        for (std::size_t first = 0; first + m <= count; first += m) {
          double sum = 0.0;
          for (std::size_t k = first; k < first + m; ++k) sum += std::pow(x[order[k]], kMoment);
          if (!(sum > 0.0)) continue;
          logs[b] += std::log(sum);
          blocks[b] += 1.0;
        }
      }
    }
  }
  if (blocks[0] == 0.0 || blocks[1] == 0.0) return 0.0;
  return (logs[1] / blocks[1] - logs[0] / blocks[0]) / std::log(static_cast<double>(large) / kSmallBlock);
}

TailVerdict verdict_of(const Estimate& alpha) {
  if (alpha.value + 2.0 * alpha.standard_error < 2.0) return TailVerdict::heavy;
  return alpha.value - 2.0 * alpha.standard_error > 2.0 ? TailVerdict::finite_variance : TailVerdict::undecided;
}

// Block sums read at most about 2, so that "finite" can only be "near 2".
TailVerdict verdict_of(const TailIndex& tail) {
  if (tail.series == 0) return TailVerdict::not_measured;
  if (tail.moment_order() < 2.0) return TailVerdict::heavy;
  return tail.two_scale.standard_error < 0.1 ? TailVerdict::finite_variance : TailVerdict::undecided;
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

TailVerdict HillIndex::verdict() const { return exceedances == 0 ? TailVerdict::not_measured : verdict_of(alpha); }
TailVerdict MomentGrowth::verdict() const { return samples == 0 ? TailVerdict::not_measured : verdict_of(alpha); }

HillIndex estimate_hill(const ScalarSamples& samples) {
  HillIndex result;
  if (samples.count() < kLeastSamples) return result;
  const auto sizes = pooled_sizes(samples, kNoGroup);
  const auto largest = static_cast<std::size_t>(kLargestShare * static_cast<double>(sizes.size()));
  if (largest < kLeastExceedances || !std::isfinite(sizes.front())) return result;
  double best = std::numeric_limits<double>::infinity();
  for (auto k = static_cast<double>(kLeastExceedances); k <= static_cast<double>(largest); k *= kGridRatio) {
    const auto count = static_cast<std::size_t>(k);
    const double alpha = hill(sizes, count);
    if (!std::isfinite(alpha)) continue;
    const double distance = pareto_distance(sizes, count, alpha);
    if (distance >= best) continue;
    best = distance;
    result = {{alpha, 0.0}, static_cast<std::int64_t>(count), sizes[count], distance};
  }
  if (result.exceedances == 0) return result;
  const double share = static_cast<double>(result.exceedances) / static_cast<double>(sizes.size());
  std::array<double, kJackknifeGroups> deleted{};
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) {
    const auto fewer = pooled_sizes(samples, g);
    const auto k = std::max<std::size_t>(2, static_cast<std::size_t>(share * static_cast<double>(fewer.size())));
    deleted[g] = 1.0 / hill(fewer, k);
  }
  result.alpha.standard_error = jackknife_error(deleted) * result.alpha.value * result.alpha.value;
  return result;
}

MomentGrowth estimate_moment_growth(const ScalarSamples& samples, std::uint64_t seed) {
  MomentGrowth result;
  if (samples.count() / 4 <= kSmallBlock) return result;
  const double slope = growth_slope(samples, kNoGroup, seed);
  if (!(slope > 0.0) || !std::isfinite(slope)) return result;
  result.samples = static_cast<std::int64_t>(samples.count());
  result.alpha.value = kMoment / std::max(1.0, slope);
  std::array<double, kJackknifeGroups> deleted{};
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) deleted[g] = growth_slope(samples, g, seed);
  result.alpha.standard_error = jackknife_error(deleted) * result.alpha.value * result.alpha.value / kMoment;
  return result;
}

TailComparison compare_tails(const ScalarSamples& samples, const TailIndex& block_sums, std::uint64_t seed) {
  TailComparison result{estimate_hill(samples), estimate_moment_growth(samples, seed), false, {}};
  const std::array<TailVerdict, 3> verdicts = {verdict_of(block_sums), result.hill.verdict(), result.growth.verdict()};
  const auto says = [&](TailVerdict verdict) { return std::ranges::count(verdicts, verdict) > 0; };
  result.disagree = says(TailVerdict::heavy) && says(TailVerdict::finite_variance);
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
    result.sentence += "they disagree, so the tail is not known at these sample sizes";
  } else if (says(TailVerdict::heavy)) {
    result.sentence += "none contradicts infinite variance";
  } else {
    result.sentence += says(TailVerdict::finite_variance) ? "none contradicts finite variance" : "undecided";
  }
  return result;
}

}  // namespace normdescent
