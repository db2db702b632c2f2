// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/lab/problem.hpp"
#include "normdescent/norms/geometry.hpp"

namespace normdescent::lab {

namespace {

using Point = std::vector<double>;

constexpr double kStandardErrors = 5.0;

class SelfCheck {
 public:
  SelfCheck(const LabProblem& problem, const SelfCheckOptions& options)
      : problem_(problem),
        claims_(problem.claims()),
        options_(options),
        d_(static_cast<std::size_t>(claims_.dimension())) {}

  std::vector<Check> run() {
    values();
    gradient_against_values();
    if (claims_.smoothness.euclidean) smoothness("l2", geometries::euclidean(), *claims_.smoothness.euclidean);
    if (claims_.smoothness.sign) smoothness("l-infinity", geometries::sign(), *claims_.smoothness.sign);
    if (claims_.smoothness.spectral) smoothness("spectral", geometries::spectral(), *claims_.smoothness.spectral);
    noise();
    return std::move(checks_);
  }

 private:
  [[nodiscard]] Point start() const {
    Point x(d_);
    problem_.start(x);
    return x;
  }
  [[nodiscard]] Point probe(int index) const {
    Point x(d_);
    problem_.probe_point(RandomStream::of(options_.seed, 101, 0), static_cast<std::uint64_t>(index), x);
    return x;
  }
  [[nodiscard]] Point gradient(const Point& x) const {
    Point g(d_);
    problem_.gradient(x, g);
    return g;
  }
  [[nodiscard]] MatrixView<const double> matrix(const Point& x) const { return {x.data(), claims_.rows, claims_.cols}; }
  /// Rounding of f near x.
  [[nodiscard]] double value_rounding(double f) const {
    return 1e-12 * (std::abs(f) + std::abs(claims_.start_value) + std::abs(claims_.start_value - claims_.infimum));
  }

  void values() {
    const double f0 = problem_.value(start());
    checks_.push_back(check_near("value at the start", f0, claims_.start_value, value_rounding(f0)));
    double lowest = f0;
    for (int i = 0; i < options_.points; ++i) lowest = std::min(lowest, problem_.value(probe(i)));
    Point x(d_);
    const bool has_minimizer = problem_.minimizer(x);
    const double at_minimizer = has_minimizer ? problem_.value(x) : kInfinity;
    lowest = std::min(lowest, at_minimizer);
    checks_.push_back(check_at_least("no value below the infimum", lowest, claims_.infimum - value_rounding(lowest)));
    if (has_minimizer && !claims_.infimum_is_bound) {
      // Scale 1e-9: minimizers of smooth functions are known to about the root of rounding.
      const double allowed =
          1e-9 * (1e-3 + std::abs(claims_.start_value - claims_.infimum)) + value_rounding(at_minimizer);
      checks_.push_back(check_near("the minimizer attains the infimum", at_minimizer, claims_.infimum, allowed));
    }
  }

  /// Largest |(f(x+hv) - f(x-hv))/(2h) - <g, v>| over what rounding and an L_2-Lipschitz gradient allow.
  void gradient_against_values() {
    double worst = 0.0;
    for (int i = -1; i < options_.points; ++i) {
      const Point x = i < 0 ? start() : probe(i);
      const Point g = gradient(x);
      Philox random(options_.seed, 102, static_cast<std::uint64_t>(i + 1) * d_);
      Point v(d_);
      double size = 0.0;
      double largest = 1.0;
      for (std::size_t k = 0; k < d_; ++k) {
        v[k] = random.uniform() < 0.5 ? -1.0 : 1.0;
        size += std::abs(g[k]);
        largest = std::max(largest, std::abs(x[k]));
      }
      const double h = 1e-5 * largest;
      Point forward = x;
      Point backward = x;
      double slope = 0.0;
      for (std::size_t k = 0; k < d_; ++k) {
        forward[k] += h * v[k];
        backward[k] -= h * v[k];
        slope += g[k] * v[k];
      }
      const double f = problem_.value(forward);
      const double difference = (f - problem_.value(backward)) / (2 * h);
      const Point g_forward = gradient(forward);
      const Point g_backward = gradient(backward);
      double change = 0.0;  // of the gradient over the interval: the mean value lies inside it
      for (std::size_t k = 0; k < d_; ++k) change += std::abs(g_forward[k] - g[k]) + std::abs(g_backward[k] - g[k]);
      const double allowed = change + (value_rounding(f) + 1e-15 * size * largest) / h + 1e-9 * size;
      worst = std::max(worst, std::abs(difference - slope) / allowed);
    }
    checks_.push_back(check_at_most("gradient against differences of values, in allowed errors", worst, 1.0));
  }

  void smoothness(const std::string& norm, Geometry geometry, double constant) {
    double largest = 0.0;
    for (int i = 0; i < options_.points; ++i) {
      const Point x = probe(i);
      largest = std::max(largest, secant(geometry, x, probe(i + options_.points)));
      Point v(d_);
      Philox random(options_.seed, 103, static_cast<std::uint64_t>(i) * d_ * 2);
      for (auto& k : v) k = random.normal();
      for (int iteration = 0; iteration < 20; ++iteration) {  // v <- dual direction of H v (theory E9)
        const double length = geometry.norm(matrix(v));
        if (length == 0.0) break;
        double size = 1.0;
        for (const double k : x) size = std::max(size, std::abs(k));
        Point y = x;
        for (std::size_t k = 0; k < d_; ++k) y[k] += 1e-6 * size / length * v[k];
        largest = std::max(largest, secant(geometry, x, y));
        const Point gx = gradient(x);
        Point change = gradient(y);
        for (std::size_t k = 0; k < d_; ++k) change[k] -= gx[k];
        geometry.dual_map<double>(matrix(change), {v.data(), claims_.rows, claims_.cols});
      }
    }
    checks_.push_back(check_at_most("largest secant curvature in " + norm, largest, constant * (1 + 1e-6)));
    if (claims_.smoothness_is_sharp) {
      checks_.push_back(check_at_least("curvature reached in " + norm, largest, 0.99 * constant));
    }
  }

  [[nodiscard]] double secant(Geometry geometry, const Point& x, const Point& y) const {
    Point step(d_);
    Point change = gradient(y);
    const Point gx = gradient(x);
    for (std::size_t k = 0; k < d_; ++k) {
      step[k] = y[k] - x[k];
      change[k] -= gx[k];
    }
    const double length = geometry.norm(matrix(step));
    return length == 0.0 ? 0.0 : geometry.dual_norm(matrix(change)) / length;
  }

  void noise() {
    const NoiseClaims& claim = claims_.noise;
    double worst_mean = 0.0;    // |mean - gradient| in standard errors
    double worst_moment = 0.0;  // (mean |n|^p - sigma^p) in standard errors
    double exact_error = 0.0;   // where sigma = 0
    for (int i = 0; i < 3; ++i) {
      const Point x = i == 0 ? start() : probe(i);
      const Point g = gradient(x);
      Point sample(d_), sum(d_, 0.0), squares(d_, 0.0), moment(d_, 0.0), moment2(d_, 0.0);
      for (int k = 0; k < options_.samples; ++k) {
        problem_.sample(x, RandomStream::of(options_.seed, 104, static_cast<std::uint64_t>(i)),
                        static_cast<std::uint64_t>(k), sample);
        for (std::size_t j = 0; j < d_; ++j) {
          const double n = sample[j] - g[j];
          const double power = std::pow(std::abs(n), claim.tail);
          sum[j] += n;
          squares[j] += n * n;
          moment[j] += power;
          moment2[j] += power * power;
        }
      }
      const double count = options_.samples;
      for (std::size_t j = 0; j < d_; ++j) {
        const double sigma = claim.sigma.empty() ? 0.0 : claim.sigma[j];
        const double rounding = 1e-12 * (1 + std::abs(g[j]));
        if (sigma == 0.0) {
          exact_error = std::max(exact_error, std::sqrt(squares[j] / count) / (1 + std::abs(g[j])));
          continue;
        }
        worst_mean = std::max(worst_mean, std::abs(sum[j] / count) / (std::sqrt(squares[j]) / count + rounding));
        const double mean = moment[j] / count;
        const double error = std::sqrt(std::max(0.0, moment2[j] / count - mean * mean) / count);
        const double bound = std::pow(sigma, claim.tail);
        worst_moment = std::max(worst_moment, (mean - bound) / (error + 1e-9 * bound));
      }
    }
    // The moment of a bounded two-valued law that never fired has no error estimate; its mean is then below the bound.
    checks_.push_back(check_at_most("oracle without noise where sigma = 0", exact_error, 1e-12));
    checks_.push_back(check_at_most("oracle unbiased, in standard errors", worst_mean, bonferroni()));
    checks_.push_back(check_at_most("E|n|^p above sigma^p, in standard errors", worst_moment, bonferroni()));
  }

  /// Five standard errors for one coordinate, more for many: sqrt(25 + 2 log(3 d)).
  [[nodiscard]] double bonferroni() const {
    return std::sqrt(kStandardErrors * kStandardErrors + 2 * std::log(3.0 * static_cast<double>(d_)));
  }

  const LabProblem& problem_;
  const Claims& claims_;
  SelfCheckOptions options_;
  std::size_t d_;
  std::vector<Check> checks_;
};

}  // namespace

std::vector<Check> self_check(const LabProblem& problem, const SelfCheckOptions& options) {
  return SelfCheck(problem, options).run();
}

}  // namespace normdescent::lab
