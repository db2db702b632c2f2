// SPDX-License-Identifier: Apache-2.0
// What is believed of each candidate's best rate and regret, given runs of any length: a prior, corrected by Gaussian
// updates, each level of evidence by what it is worth.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "normdescent/policy/policy.hpp"

namespace normdescent {

/// One run (or several of the same rate, length and candidate that differ in their seeds).
struct RunObservation {
  std::size_t candidate = 0;
  double log2_rate = 0.0;
  double halvings = 0.0;  ///< log2(length asked about / length of the run)
  bool diverged = false;
  double regret = 0.0;  ///< log2 of steps, up to a number that all runs of this length share; not if diverged
  int seeds = 1;
};

/// Symmetric, row by row.
struct SquareMatrix {
  std::size_t size = 0;
  std::vector<double> values;
  SquareMatrix() = default;
  explicit SquareMatrix(std::size_t n) : size(n), values(n * n, 0.0) {}
  double& operator()(std::size_t i, std::size_t j) { return values[i * size + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * size + j]; }
};
/// Lower triangular L with L L^T = matrix + (what rounding takes from a semidefinite one): negative pivots count as 0.
[[nodiscard]] SquareMatrix cholesky_factor(const SquareMatrix& matrix);

/// Model. Candidate j has a best rate rho_j ~ N(prior) in octaves and a regret g_j ~ N(prior) in log2 of steps at that
/// rate. A run of candidate j at rate x, h halvings short of the whole length, has
///
///   regret = o_h + g_j + regret_shift h + cost(x - r_jh) + noise,      r_jh = rho_j + rate_shift h + error_r,
///   and diverges with probability Phi((x - r_jh - diverges_above) / divergence_width).
///
/// o_h is unknown (flat prior: runs say who is ahead, not by how much of nothing), error_r and an error of g_j belong
/// to the pair (candidate, h) and grow with h (Policy::Transfer). Levels are worked in one after the other, shortest
/// runs first: the best rate of the level on a grid with o_h integrated out, moment-matched to a Gaussian; then all
/// regrets in one linear update, with what the rate leaves open as additional noise. A function of the set of
/// observations.
class Belief {
 public:
  Belief(std::vector<Prior> priors, const SquareMatrix& regret_correlation, const Policy::Transfer& transfer,
         std::span<const RunObservation> observations = {});

  [[nodiscard]] std::size_t size() const { return priors_.size(); }
  [[nodiscard]] const Gaussian& rate(std::size_t j) const { return rates_[j]; }
  [[nodiscard]] Gaussian regret(std::size_t j) const;
  [[nodiscard]] const SquareMatrix& regret_covariance() const { return covariance_; }
  [[nodiscard]] double regret_mean(std::size_t j) const { return means_[j]; }
  /// Expected cost, in log2 of steps, of running at the mean of the best rate's belief instead of at the best rate.
  [[nodiscard]] double rate_penalty(std::size_t j) const;
  /// regret_mean + rate_penalty: what choosing j is expected to cost.
  [[nodiscard]] double value(std::size_t j) const { return means_[j] + rate_penalty(j); }

  /// Best rate of runs that are `halvings` shorter, from what is believed of the whole length.
  [[nodiscard]] Gaussian rate_at(std::size_t j, double halvings) const;
  /// Regret that a run is expected to show, on the scale of the observations of its level.
  [[nodiscard]] double predicted(std::size_t j, double log2_rate, double halvings) const;

 private:
  void update_level(double halvings, std::span<const RunObservation> observations);

  std::vector<Prior> priors_;
  Policy::Transfer transfer_;
  std::vector<Gaussian> rates_;
  std::vector<double> means_;
  SquareMatrix covariance_;
  std::map<double, double> offsets_;  ///< halvings -> mean of o_h
};

/// Draws from a belief: which candidate is best, and what each choice costs. Deterministic.
struct Outlook {
  std::vector<double> probability_best;   ///< at the best rate of each
  std::vector<double> log2_regret;        ///< of choosing it at rates[j]: mean over draws of regret - lowest regret
  std::vector<double> median, low, high;  ///< of log2 of (baseline's steps / own steps), 80 % between low and high
};
/// `rates[j]` log2; `offsets[j]` is added to every regret of candidate j (log2 of seconds a step; zeros for steps).
[[nodiscard]] Outlook outlook(const Belief& belief, std::span<const Prior> priors, std::span<const double> rates,
                              std::span<const double> offsets, std::size_t baseline, std::uint64_t seed);

}  // namespace normdescent
