// SPDX-License-Identifier: Apache-2.0
// A problem of the lab: a function whose constants are known, with an oracle whose noise law is known. What it claims
// about itself is data, so that self_check can test it and bounds can be evaluated at it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/view.hpp"
#include "normdescent/lab/experiment.hpp"
#include "normdescent/lab/random.hpp"

namespace normdescent::lab {

/// ||grad f(y) - grad f(x)||_dual <= L ||y - x|| for all x, y (S-grad), per step norm. Empty: not claimed.
struct SmoothnessClaims {
  std::optional<double> euclidean;  ///< L_2
  std::optional<double> sign;       ///< L_inf
  std::optional<double> spectral;   ///< L_* of the matrix
};

/// E|n_i|^p <= sigma_i^p at every x; unbiased. Empty sigma: the oracle is exact.
struct NoiseClaims {
  double tail = 2.0;  ///< p
  std::vector<double> sigma;
};

struct Claims {
  std::string name;
  Index rows = 1;  ///< shape of x as a row-major matrix; vectors are n x 1
  Index cols = 1;
  double start_value = 0.0;
  double infimum = 0.0;
  bool infimum_is_bound = false;  ///< true: `infimum` only bounds inf f from below
  SmoothnessClaims smoothness;
  bool smoothness_is_sharp = false;  ///< true: no smaller constants hold
  NoiseClaims noise;

  [[nodiscard]] Index dimension() const { return rows * cols; }
};

class LabProblem {
 public:
  LabProblem() = default;
  LabProblem(const LabProblem&) = delete;
  LabProblem& operator=(const LabProblem&) = delete;
  virtual ~LabProblem() = default;

  [[nodiscard]] virtual const Claims& claims() const = 0;
  virtual void start(std::span<double> x) const = 0;
  /// A point whose value is the infimum up to rounding; false where none is known (or none exists).
  virtual bool minimizer(std::span<double> x) const = 0;
  [[nodiscard]] virtual double value(std::span<const double> x) const = 0;
  virtual void gradient(std::span<const double> x, std::span<double> g) const = 0;
  /// g(x; xi) with xi = sample number `index` of the stream: the same sample may be asked for at several points.
  virtual void sample(std::span<const double> x, RandomStream stream, std::uint64_t index,
                      std::span<double> g) const = 0;
  /// Random point number `index` of the region where the claims are interesting (and, if they are local, hold).
  virtual void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const = 0;
};

struct SelfCheckOptions {
  int points = 100;    ///< probe points (pairs of them for smoothness)
  int samples = 4000;  ///< noise samples at the start and at two probe points
  std::uint64_t seed = 1;
};

/// Tests the claims numerically: gradient against differences of values, start value, infimum (a bound everywhere, and
/// attained at the minimizer), smoothness in each norm (never exceeded; reached to 1 % where sharp), oracle unbiased,
/// noise moments not above sigma. Statistical checks allow five standard errors.
[[nodiscard]] std::vector<Check> self_check(const LabProblem& problem, const SelfCheckOptions& options = {});

}  // namespace normdescent::lab
