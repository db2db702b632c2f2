// SPDX-License-Identifier: Apache-2.0
#include "normdescent/policy/belief.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "normdescent/base/derive_seed.hpp"

namespace normdescent {

namespace {

constexpr double kReach = 4.0;  // deviations that the grid of best rates covers on both sides
constexpr int kRatePoints = 49;
constexpr int kOffsetPoints = 33;
constexpr double kUnknown = 1e6;      // variance of what is not known at all
constexpr double kOffsetReach = 1.5;  // log2 of steps beyond what each candidate alone says of the offset

double normal_probability(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// A candidate's runs of one level, for each best rate of a grid.
struct LevelPoint {
  double best_rate = 0.0;
  double log_weight = 0.0;  ///< prior of the rate, divergences, scatter of the regrets around their mean
  double height = 0.0;      ///< weighted mean of regret - cost
};
struct LevelCandidate {
  std::size_t index = 0;
  Gaussian rate;
  double expected_height = 0.0;
  double height_variance = 0.0;  ///< of the prior and of the mean's noise
  double noise_variance = 0.0;   ///< of the mean of the runs that ended
  bool has_heights = false;
  std::vector<LevelPoint> points;
};

/// Of the mean over its seeds. What a run far behind shows is a matter of how losses become steps: it says that it is
/// behind, and less about how far.
double precision_of(const RunObservation& observation, const Policy::Transfer& transfer) {
  const double error = std::hypot(transfer.noise, transfer.noise_slope * observation.regret);
  return observation.seeds / (error * error);
}

LevelCandidate level_candidate(std::size_t index, const Prior& prior, const Gaussian& rate, const Gaussian& height,
                               std::span<const RunObservation> observations, const Policy::Transfer& transfer) {
  LevelCandidate result{.index = index, .rate = rate, .expected_height = height.mean, .points = {}};
  double precision = 0.0;
  for (const RunObservation& observation : observations) {
    if (!observation.diverged) precision += precision_of(observation, transfer);
  }
  result.has_heights = precision > 0.0;
  if (result.has_heights) {
    result.noise_variance = 1.0 / precision;
    result.height_variance = height.deviation * height.deviation + result.noise_variance;
  }
  const int count = rate.deviation > 0.0 ? kRatePoints : 1;
  for (int i = 0; i < count; ++i) {
    const double z = count == 1 ? 0.0 : kReach * (2.0 * i / (count - 1.0) - 1.0);
    LevelPoint point{.best_rate = rate.mean + z * rate.deviation, .log_weight = -0.5 * z * z};
    const auto octaves_above = [&](const RunObservation& o) { return o.log2_rate - point.best_rate; };
    const auto height_of = [&](const RunObservation& o) {
      return o.regret - (prior.rate_is_fixed ? 0.0 : prior.cost(octaves_above(o)));
    };
    for (const RunObservation& observation : observations) {
      if (!prior.rate_is_fixed) {
        const double edge = (octaves_above(observation) - prior.diverges_above) / prior.divergence_width;
        const double probability = normal_probability(observation.diverged ? edge : -edge);
        point.log_weight += std::log(std::max(probability, 1e-12));
      }
      if (!observation.diverged)
        point.height += precision_of(observation, transfer) * height_of(observation) / precision;
    }
    for (const RunObservation& observation : observations) {
      if (observation.diverged) continue;
      const double rest = height_of(observation) - point.height;
      point.log_weight -= 0.5 * precision_of(observation, transfer) * rest * rest;
    }
    result.points.push_back(point);
  }
  return result;
}

double log_weight_at(const LevelCandidate& candidate, const LevelPoint& point, double offset) {
  if (!candidate.has_heights) return point.log_weight;
  const double rest = point.height - offset - candidate.expected_height;
  return point.log_weight - 0.5 * rest * rest / candidate.height_variance;
}

/// Posterior over o_h on a grid, flat prior, and with it the posterior of each candidate's best rate.
struct LevelPosterior {
  /// [candidate][point]; sums to 1 for each candidate.
  std::vector<std::vector<double>> rates;
};

/// exp(values - their largest); returns log of the sum of exp(values).
double exponentials(std::vector<double>& values) {
  const double largest = *std::max_element(values.begin(), values.end());
  double sum = 0.0;
  for (double& value : values) sum += value = std::exp(value - largest);
  return largest + std::log(sum);
}

LevelPosterior level_posterior(const std::vector<LevelCandidate>& candidates) {
  LevelPosterior posterior;
  const auto with_heights = std::ranges::count_if(candidates, &LevelCandidate::has_heights);
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const LevelCandidate& candidate : candidates) {
    // Without the offset: what scatter and divergences say of the rate.
    std::vector<double> weights;
    for (const LevelPoint& point : candidate.points) weights.push_back(point.log_weight);
    exponentials(weights);
    double mean = 0.0;
    double sum = 0.0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      mean += weights[i] * candidate.points[i].height;
      sum += weights[i];
    }
    for (double& weight : weights) weight /= sum;
    posterior.rates.push_back(std::move(weights));
    if (!candidate.has_heights) continue;
    low = std::min(low, mean / sum - candidate.expected_height);
    high = std::max(high, mean / sum - candidate.expected_height);
  }
  if (with_heights < 2) return posterior;  // one height says nothing that the offset could not explain

  low -= kOffsetReach;
  high += kOffsetReach;
  std::vector<double> log_weights(kOffsetPoints, 0.0);
  std::vector<std::vector<std::vector<double>>> by_offset(candidates.size());  // [candidate][offset][point]
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (!candidates[c].has_heights) continue;
    for (int i = 0; i < kOffsetPoints; ++i) {
      const double offset = low + (high - low) * i / (kOffsetPoints - 1.0);
      std::vector<double> weights;
      for (const LevelPoint& point : candidates[c].points)
        weights.push_back(log_weight_at(candidates[c], point, offset));
      log_weights[static_cast<std::size_t>(i)] += exponentials(weights);
      double sum = 0.0;
      for (const double weight : weights) sum += weight;
      for (double& weight : weights) weight /= sum;
      by_offset[c].push_back(std::move(weights));
    }
  }
  exponentials(log_weights);
  double total = 0.0;
  for (const double weight : log_weights) total += weight;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (!candidates[c].has_heights) continue;
    std::ranges::fill(posterior.rates[c], 0.0);
    for (std::size_t i = 0; i < log_weights.size(); ++i) {
      for (std::size_t r = 0; r < posterior.rates[c].size(); ++r)
        posterior.rates[c][r] += log_weights[i] / total * by_offset[c][i][r];
    }
  }
  return posterior;
}

/// What the level says of one candidate: its best rate there, and the height that its runs show at it.
struct LevelSummary {
  Gaussian rate;
  double height = 0.0;
  double height_error_variance = 0.0;
};

LevelSummary summary_of(const LevelCandidate& candidate, const std::vector<double>& weights) {
  double mean = 0.0;
  double square = 0.0;
  double height = 0.0;
  double height_square = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const LevelPoint& point = candidate.points[i];
    mean += weights[i] * point.best_rate;
    square += weights[i] * point.best_rate * point.best_rate;
    height += weights[i] * point.height;
    height_square += weights[i] * point.height * point.height;
  }
  // Weighting the rates by how well their heights fit has used a part of what the height says: the spread that is left
  // counts as noise of the height, which errs on the careful side.
  return {.rate = {mean, std::sqrt(std::max(0.0, square - mean * mean))},
          .height = height,
          .height_error_variance = candidate.noise_variance + std::max(0.0, height_square - height * height)};
}

}  // namespace

SquareMatrix cholesky_factor(const SquareMatrix& matrix) {
  const std::size_t n = matrix.size;
  SquareMatrix factor(n);
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = matrix(j, j);
    for (std::size_t k = 0; k < j; ++k) pivot -= factor(j, k) * factor(j, k);
    if (!(pivot > 1e-12)) continue;
    factor(j, j) = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < n; ++i) {
      double sum = matrix(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= factor(i, k) * factor(j, k);
      factor(i, j) = sum / factor(j, j);
    }
  }
  return factor;
}

Belief::Belief(std::vector<Prior> priors, const SquareMatrix& regret_correlation, const Policy::Transfer& transfer,
               std::span<const RunObservation> observations)
    : priors_(std::move(priors)), transfer_(transfer), covariance_(priors_.size()) {
  for (std::size_t i = 0; i < size(); ++i) {
    rates_.push_back(priors_[i].rate);
    means_.push_back(priors_[i].regret.mean);
    for (std::size_t j = 0; j < size(); ++j)
      covariance_(i, j) = regret_correlation(i, j) * priors_[i].regret.deviation * priors_[j].regret.deviation;
  }
  std::set<double, std::greater<>> levels;  // shortest runs first
  for (const RunObservation& observation : observations) levels.insert(observation.halvings);
  for (const double level : levels) {
    std::vector<RunObservation> here;
    for (const RunObservation& observation : observations) {
      if (observation.halvings == level) here.push_back(observation);
    }
    update_level(level, here);
  }
}

Gaussian Belief::regret(std::size_t j) const { return {means_[j], std::sqrt(std::max(0.0, covariance_(j, j)))}; }

double Belief::rate_penalty(std::size_t j) const {
  return priors_[j].rate_is_fixed ? 0.0 : priors_[j].cost.expected(0.0, rates_[j].deviation);
}

Gaussian Belief::rate_at(std::size_t j, double halvings) const {
  if (priors_[j].rate_is_fixed) return rates_[j];
  return {rates_[j].mean + priors_[j].rate_shift * halvings,
          std::hypot(rates_[j].deviation, transfer_.rate_deviation, transfer_.rate_deviation_slope * halvings)};
}

double Belief::predicted(std::size_t j, double log2_rate, double halvings) const {
  const Gaussian best = rate_at(j, halvings);
  const auto offset = offsets_.find(halvings);
  const double cost = priors_[j].rate_is_fixed ? 0.0 : priors_[j].cost.expected(log2_rate - best.mean, best.deviation);
  return (offset == offsets_.end() ? 0.0 : offset->second) + means_[j] + priors_[j].regret_shift * halvings + cost;
}

void Belief::update_level(double halvings, std::span<const RunObservation> observations) {
  const double carried_over = transfer_.regret_deviation + transfer_.regret_deviation_slope * halvings;
  std::vector<LevelCandidate> candidates;
  for (std::size_t j = 0; j < size(); ++j) {
    std::vector<RunObservation> own;
    for (const RunObservation& observation : observations) {
      if (observation.candidate == j) own.push_back(observation);
    }
    if (own.empty()) continue;
    const Gaussian height{means_[j] + priors_[j].regret_shift * halvings,
                          std::sqrt(std::max(0.0, covariance_(j, j)) + carried_over * carried_over)};
    candidates.push_back(level_candidate(j, priors_[j], rate_at(j, halvings), height, own, transfer_));
  }
  const LevelPosterior posterior = level_posterior(candidates);

  // The linear part: z = o + g + noise, with o as one more unknown.
  std::vector<std::size_t> rows;
  std::vector<double> values;
  std::vector<double> errors;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    const LevelCandidate& candidate = candidates[c];
    const LevelSummary summary = summary_of(candidate, posterior.rates[c]);
    const std::size_t j = candidate.index;
    if (!priors_[j].rate_is_fixed) {
      // From the level's best rate back to the whole length's: the part of its prior variance that they share.
      const double own = rates_[j].deviation * rates_[j].deviation;
      const double level = candidate.rate.deviation * candidate.rate.deviation;
      const double gain = level > 0.0 ? own / level : 0.0;
      const double left = summary.rate.deviation * summary.rate.deviation;
      rates_[j].mean += gain * (summary.rate.mean - candidate.rate.mean);
      rates_[j].deviation = std::sqrt(std::max(0.0, own - gain * gain * (level - left)));
    }
    if (!candidate.has_heights) continue;
    rows.push_back(j);
    values.push_back(summary.height - priors_[j].regret_shift * halvings);
    errors.push_back(summary.height_error_variance + carried_over * carried_over);
  }
  if (rows.empty()) return;

  // One observation after the other: each is a scalar Kalman update of (g, o).
  const std::size_t n = size();
  SquareMatrix joint(n + 1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) joint(i, k) = covariance_(i, k);
  }
  joint(n, n) = kUnknown;
  double offset = 0.0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<double> cross(n + 1);
    for (std::size_t i = 0; i <= n; ++i) cross[i] = joint(i, rows[row]) + joint(i, n);
    const double variance = cross[rows[row]] + cross[n] + errors[row];
    const double surprise = values[row] - means_[rows[row]] - offset;
    for (std::size_t i = 0; i < n; ++i) means_[i] += cross[i] / variance * surprise;
    offset += cross[n] / variance * surprise;
    for (std::size_t i = 0; i <= n; ++i) {
      for (std::size_t k = 0; k <= n; ++k) joint(i, k) -= cross[i] * cross[k] / variance;
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) covariance_(i, k) = joint(i, k);
  }
  offsets_[halvings] = offset;
}

Outlook outlook(const Belief& belief, std::span<const Prior> priors, std::span<const double> rates,
                std::span<const double> offsets, std::size_t baseline, std::uint64_t seed) {
  constexpr int kDraws = 4096;
  constexpr double kTail = 0.1;
  const std::size_t n = belief.size();
  const SquareMatrix factor = cholesky_factor(belief.regret_covariance());
  Outlook result{.probability_best = std::vector<double>(n, 0.0),
                 .log2_regret = std::vector<double>(n, 0.0),
                 .median = std::vector<double>(n, 0.0),
                 .low = std::vector<double>(n, 0.0),
                 .high = std::vector<double>(n, 0.0)};
  std::vector<std::vector<double>> leads(n);
  std::vector<double> z(n);
  std::vector<double> regret(n);
  std::vector<double> total(n);
  Philox random(derive_seed(seed, Purpose::decision));
  for (int draw = 0; draw < kDraws; ++draw) {
    for (double& value : z) value = random.normal();
    for (std::size_t j = 0; j < n; ++j) {
      regret[j] = belief.regret_mean(j) + offsets[j];
      for (std::size_t k = 0; k <= j; ++k) regret[j] += factor(j, k) * z[k];
      const double best_rate = belief.rate(j).mean + belief.rate(j).deviation * random.normal();
      total[j] = regret[j] + (priors[j].rate_is_fixed ? 0.0 : priors[j].cost(rates[j] - best_rate));
    }
    const auto best = std::min_element(regret.begin(), regret.end());
    result.probability_best[static_cast<std::size_t>(best - regret.begin())] += 1.0 / kDraws;
    for (std::size_t j = 0; j < n; ++j) {
      result.log2_regret[j] += (total[j] - *best) / kDraws;
      leads[j].push_back(total[baseline] - total[j]);
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    std::sort(leads[j].begin(), leads[j].end());
    const auto at = [&](double share) { return leads[j][static_cast<std::size_t>(share * (kDraws - 1))]; };
    result.low[j] = at(kTail);
    result.median[j] = at(0.5);
    result.high[j] = at(1.0 - kTail);
  }
  return result;
}

}  // namespace normdescent
