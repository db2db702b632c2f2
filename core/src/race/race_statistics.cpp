// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/race_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"
#include "normdescent/statistics/distributions.hpp"
#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

namespace {

std::vector<LossCurve> without(std::span<const LossCurve> curves, std::size_t left_out) {
  std::vector<LossCurve> rest;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (i != left_out) rest.push_back(curves[i]);
  }
  return rest;
}

/// (m_2 - m_1) / error; 0/0 = 0.
double z_score(double difference, double error) {
  if (difference == 0.0) return 0.0;
  return error > 0.0 ? difference / error : std::copysign(kInfinity, difference);
}

}  // namespace

LossCurve mean_curve(std::span<const LossCurve> curves) {
  if (curves.empty()) return {};
  LossCurve mean{curves.front().steps, std::vector<double>(curves.front().steps.size(), 0.0)};
  for (const auto& curve : curves) {
    if (curve.steps != mean.steps)
      throw std::invalid_argument("curves = validated at other steps, must be equal steps");
    for (std::size_t i = 0; i < curve.losses.size(); ++i) mean.losses[i] += curve.losses[i];
  }
  for (double& loss : mean.losses) loss /= static_cast<double>(curves.size());
  return mean;
}

std::optional<double> first_step_at(const LossCurve& curve, double loss) {
  for (std::size_t i = 0; i < curve.losses.size(); ++i) {
    if (!(curve.losses[i] <= loss)) continue;
    if (i == 0) return curve.steps[0];
    const double above = curve.losses[i - 1];  // above > loss >= losses[i]
    const double share = (above - loss) / (above - curve.losses[i]);
    return curve.steps[i - 1] + share * (curve.steps[i] - curve.steps[i - 1]);
  }
  return std::nullopt;
}

std::optional<double> speedup_of_means(const LossCurve& reference, const LossCurve& own) {
  if (reference.losses.empty() || own.losses.empty()) return std::nullopt;
  const double common = std::max(reference.losses.back(), own.losses.back());
  const auto reference_steps = first_step_at(reference, common);
  const auto own_steps = first_step_at(own, common);
  if (!reference_steps || !own_steps || !(*reference_steps > 0.0) || !(*own_steps > 0.0)) return std::nullopt;
  return *reference_steps / *own_steps;
}

std::optional<SpeedupInterval> speedup(std::span<const LossCurve> reference, std::span<const LossCurve> own) {
  const auto all = speedup_of_means(mean_curve(reference), mean_curve(own));
  if (!all) return std::nullopt;
  SpeedupInterval interval{*all, kNaN, kNaN};
  const std::size_t seeds = own.size();
  if (seeds < 2 || reference.size() != seeds) return interval;

  std::vector<double> logarithms;
  for (std::size_t i = 0; i < seeds; ++i) {
    const auto part = speedup_of_means(mean_curve(without(reference, i)), mean_curve(without(own, i)));
    if (!part) return interval;
    logarithms.push_back(std::log(*part));
  }
  const double reach = student_t_quantile(0.975, static_cast<double>(seeds) - 1.0) * jackknife_error(logarithms);
  interval.low = *all * std::exp(-reach);
  interval.high = *all * std::exp(reach);
  return interval;
}

WinnerTest test_winner(std::span<const std::vector<double>> samples) {
  struct Entry {
    std::size_t index;
    double mean;
    double variance;
    double count;
  };
  std::vector<Entry> entries;
  std::vector<double> variances;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double mean = samples[i].size() < 2 ? kInfinity : mean_and_error(samples[i]).value;
    if (!std::isfinite(mean)) continue;
    variances.push_back(sample_variance(samples[i]));
    entries.push_back({i, mean, variances.back(), static_cast<double>(samples[i].size())});
  }
  WinnerTest test;
  test.ties_with_best.assign(samples.size(), false);
  if (entries.empty()) return test;

  const double floor = median(variances);
  for (auto& entry : entries) entry.variance = std::max(entry.variance, floor);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.mean < b.mean; });
  const Entry& best = entries.front();
  test.best = best.index;
  test.ties_with_best[best.index] = true;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const Entry& other = entries[i];
    const double error = std::sqrt(best.variance / best.count + other.variance / other.count);
    const double z = z_score(other.mean - best.mean, error);
    if (i == 1) test.z = z;
    test.ties_with_best[other.index] = z < kSignificantZ;
  }
  test.is_outside_noise = entries.size() >= 2 && test.z >= kSignificantZ;
  return test;
}

}  // namespace normdescent
