// SPDX-License-Identifier: Apache-2.0
// Quadratic, cosh and logistic problems.
#include <algorithm>
#include <numeric>

#include "additive_noise.hpp"
#include "normdescent/lab/instances.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent::lab {

double largest_sign_form(std::span<const double> h, std::size_t d) {
  double largest = 0.0;
  for (unsigned signs = 0; signs < (1U << (d - 1)); ++signs) {
    double form = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j)
        form += (((signs >> i) ^ (signs >> j)) & 1U) != 0 ? -h[i * d + j] : h[i * d + j];
    }
    largest = std::max(largest, form);
  }
  return largest;
}

std::vector<double> random_orthogonal(std::size_t d, std::uint64_t seed) {
  const MatrixLift lift(static_cast<Index>(d), static_cast<Index>(d), seed);
  std::vector<double> out(d * d);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) out[i * d + j] = lift.q(static_cast<Index>(i), static_cast<Index>(j));
  }
  return out;
}

namespace {

double spectral_norm(std::span<const double> h, std::size_t d) {
  return Spectral{}.value(MatrixView<const double>{h.data(), static_cast<Index>(d), static_cast<Index>(d)});
}

/// Smoothness of a quadratic with Hessian h >= 0 in both vector norms; sharp tells whether L_inf is exact.
SmoothnessClaims smoothness_of(std::span<const double> h, std::size_t d, bool* sharp) {
  bool is_diagonal = true;
  double trace = 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    trace += h[i * d + i];
    for (std::size_t j = 0; j < d; ++j) {
      sum += std::abs(h[i * d + j]);
      is_diagonal = is_diagonal && (i == j || h[i * d + j] == 0.0);
    }
  }
  *sharp = is_diagonal || d <= 16;
  const double sign = is_diagonal ? trace : d <= 16 ? largest_sign_form(h, d) : sum;
  return {.euclidean = spectral_norm(h, d), .sign = sign, .spectral = {}};
}

class Quadratic final : public AdditiveNoiseProblem {
 public:
  explicit Quadratic(const QuadraticOptions& o)
      : AdditiveNoiseProblem(o.noise, o.spectrum.size()), d_(o.spectrum.size()), h_(d_ * d_, 0.0), start_(d_, 1.0) {
    require(d_ > 0, "spectrum", 0, "not empty");
    for (const double v : o.spectrum) require(v >= 0 && std::isfinite(v), "spectrum", v, ">= 0 and finite");
    if (o.axis_aligned) {
      for (std::size_t i = 0; i < d_; ++i) h_[i * d_ + i] = o.spectrum[i];
    } else {
      const auto r = random_orthogonal(d_, o.seed);
      std::fill(start_.begin(), start_.end(), 0.0);
      for (std::size_t k = 0; k < d_; ++k) {
        for (std::size_t i = 0; i < d_; ++i) {
          start_[i] += r[k * d_ + i];
          for (std::size_t j = 0; j < d_; ++j) h_[i * d_ + j] += o.spectrum[k] * r[k * d_ + i] * r[k * d_ + j];
        }
      }
    }
    claims_.name = "quadratic";
    claims_.rows = static_cast<Index>(d_);
    claims_.start_value = 0.5 * std::accumulate(o.spectrum.begin(), o.spectrum.end(), 0.0);
    claims_.smoothness = smoothness_of(h_, d_, &claims_.smoothness_is_sharp);
  }
  void start(std::span<double> x) const override { std::copy(start_.begin(), start_.end(), x.begin()); }
  bool minimizer(std::span<double> x) const override {
    std::fill(x.begin(), x.end(), 0.0);
    return true;
  }
  [[nodiscard]] double value(std::span<const double> x) const override {
    std::vector<double> g(d_);
    gradient(x, g);
    return 0.5 * std::inner_product(x.begin(), x.end(), g.begin(), 0.0);
  }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    for (std::size_t i = 0; i < d_; ++i) {
      g[i] = 0.0;
      for (std::size_t j = 0; j < d_; ++j) g[i] += h_[i * d_ + j] * x[j];
    }
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    for (std::size_t i = 0; i < d_; ++i) x[i] = 4 * uniform_at(stream, index, i) - 2;
  }

 private:
  std::size_t d_;
  std::vector<double> h_;
  std::vector<double> start_;
};

class Cosh final : public AdditiveNoiseProblem {
 public:
  explicit Cosh(const CoshOptions& o)
      : AdditiveNoiseProblem(o.noise, o.l0.size()), l0_(o.l0), l1_(o.l1), radius_(o.radius) {
    require(!l0_.empty() && l0_.size() == l1_.size(), "l1", static_cast<double>(l1_.size()),
            "as many as l0, at least one");
    require(radius_ > 0 && std::isfinite(radius_), "radius", radius_, "> 0 and finite");
    claims_.name = "cosh";
    claims_.rows = static_cast<Index>(l0_.size());
    double sum = 0.0;
    double largest = 0.0;
    for (std::size_t i = 0; i < l0_.size(); ++i) {
      require(l0_[i] > 0 && std::isfinite(l0_[i]), "l0", l0_[i], "> 0 and finite");
      require(l1_[i] > 0 && std::isfinite(l1_[i]), "l1", l1_[i], "> 0 and finite");
      claims_.start_value += l0_[i] / (l1_[i] * l1_[i]) * (std::cosh(l1_[i] * radius_ / 2) - 1);
      const double curvature = l0_[i] * std::cosh(l1_[i] * radius_);
      sum += curvature;
      largest = std::max(largest, curvature);
    }
    claims_.smoothness = {.euclidean = largest, .sign = sum, .spectral = {}};
  }
  void start(std::span<double> x) const override { std::fill(x.begin(), x.end(), radius_ / 2); }
  bool minimizer(std::span<double> x) const override {
    std::fill(x.begin(), x.end(), 0.0);
    return true;
  }
  [[nodiscard]] double value(std::span<const double> x) const override {
    double f = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) f += l0_[i] / (l1_[i] * l1_[i]) * (std::cosh(l1_[i] * x[i]) - 1);
    return f;
  }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    for (std::size_t i = 0; i < x.size(); ++i) g[i] = l0_[i] / l1_[i] * std::sinh(l1_[i] * x[i]);
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = radius_ * (2 * uniform_at(stream, index, i) - 1) * 0.999;
  }

 private:
  std::vector<double> l0_;
  std::vector<double> l1_;
  double radius_;
};

class Logistic final : public LabProblem {
 public:
  explicit Logistic(const LogisticOptions& o)
      : d_(static_cast<std::size_t>(o.dimension)), k_(static_cast<std::size_t>(o.examples)), penalty_(o.l2_penalty) {
    require(o.dimension >= 1 && o.dimension <= 16, "dimension", o.dimension, "in [1, 16]");
    require(o.examples >= 1, "examples", o.examples, ">= 1");
    require(o.l2_penalty > 0 && std::isfinite(o.l2_penalty), "l2_penalty", o.l2_penalty, "> 0 and finite");
    Philox random(o.seed, 0x4C4F47U);
    for (std::size_t j = 0; j < k_; ++j) {
      double margin = random.normal();  // label noise
      for (std::size_t i = 0; i < d_; ++i) {
        a_.push_back(random.normal() / static_cast<double>(i + 1));
        margin += a_.back();
      }
      y_.push_back(margin > 0 ? 1.0 : -1.0);
    }
    std::vector<double> bound(d_ * d_, 0.0);
    claims_.noise.sigma.assign(d_, 0.0);
    for (std::size_t j = 0; j < k_; ++j) {
      for (std::size_t i = 0; i < d_; ++i) {
        claims_.noise.sigma[i] += a(j, i) * a(j, i) / static_cast<double>(k_);
        for (std::size_t l = 0; l < d_; ++l) bound[i * d_ + l] += a(j, i) * a(j, l) / (4.0 * static_cast<double>(k_));
      }
    }
    for (double& s : claims_.noise.sigma) s = std::sqrt(s);
    for (std::size_t i = 0; i < d_; ++i) bound[i * d_ + i] += penalty_;
    claims_.name = "logistic regression";
    claims_.rows = static_cast<Index>(d_);
    claims_.smoothness = {.euclidean = spectral_norm(bound, d_), .sign = largest_sign_form(bound, d_), .spectral = {}};
    claims_.start_value = std::log(2.0);
    minimizer_.assign(d_, 0.0);
    solve();
    claims_.infimum = value(minimizer_);
  }
  [[nodiscard]] const Claims& claims() const override { return claims_; }
  void start(std::span<double> x) const override { std::fill(x.begin(), x.end(), 0.0); }
  bool minimizer(std::span<double> x) const override {
    std::copy(minimizer_.begin(), minimizer_.end(), x.begin());
    return true;
  }
  [[nodiscard]] double value(std::span<const double> x) const override {
    double f = 0.0;
    for (std::size_t j = 0; j < k_; ++j) {
      const double m = margin(x, j);
      f += m > 0 ? std::log1p(std::exp(-m)) : std::log1p(std::exp(m)) - m;
    }
    f /= static_cast<double>(k_);
    for (const double v : x) f += 0.5 * penalty_ * v * v;
    return f;
  }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    std::fill(g.begin(), g.end(), 0.0);
    for (std::size_t j = 0; j < k_; ++j) add_example(x, j, 1.0 / static_cast<double>(k_), g);
    for (std::size_t i = 0; i < d_; ++i) g[i] += penalty_ * x[i];
  }
  void sample(std::span<const double> x, RandomStream stream, std::uint64_t index, std::span<double> g) const override {
    std::fill(g.begin(), g.end(), 0.0);
    const auto j = static_cast<std::size_t>(uniform_at(stream, index, 0) * static_cast<double>(k_));
    add_example(x, std::min(j, k_ - 1), 1.0, g);
    for (std::size_t i = 0; i < d_; ++i) g[i] += penalty_ * x[i];
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    for (std::size_t i = 0; i < d_; ++i) x[i] = 4 * uniform_at(stream, index, i) - 2;
  }

 private:
  [[nodiscard]] double a(std::size_t j, std::size_t i) const { return a_[j * d_ + i]; }
  [[nodiscard]] double margin(std::span<const double> x, std::size_t j) const {
    double m = 0.0;
    for (std::size_t i = 0; i < d_; ++i) m += a(j, i) * x[i];
    return y_[j] * m;
  }
  void add_example(std::span<const double> x, std::size_t j, double weight, std::span<double> g) const {
    const double slope = -y_[j] / (1 + std::exp(margin(x, j)));
    for (std::size_t i = 0; i < d_; ++i) g[i] += weight * slope * a(j, i);
  }
  /// Newton's method from 0, each system by elimination without pivots (the matrix is positive definite).
  void solve() {
    std::vector<double> g(d_);
    for (int iteration = 0; iteration < 50; ++iteration) {
      gradient(minimizer_, g);
      std::vector<double> h(d_ * d_, 0.0);
      for (std::size_t j = 0; j < k_; ++j) {
        const double e = 1 / (1 + std::exp(margin(minimizer_, j)));
        const double weight = e * (1 - e) / static_cast<double>(k_);
        for (std::size_t i = 0; i < d_; ++i) {
          for (std::size_t l = 0; l < d_; ++l) h[i * d_ + l] += weight * a(j, i) * a(j, l);
        }
      }
      for (std::size_t i = 0; i < d_; ++i) h[i * d_ + i] += penalty_;
      for (std::size_t p = 0; p < d_; ++p) {
        for (std::size_t i = p + 1; i < d_; ++i) {
          const double factor = h[i * d_ + p] / h[p * d_ + p];
          for (std::size_t l = p; l < d_; ++l) h[i * d_ + l] -= factor * h[p * d_ + l];
          g[i] -= factor * g[p];
        }
      }
      for (std::size_t i = d_; i-- > 0;) {
        for (std::size_t l = i + 1; l < d_; ++l) g[i] -= h[i * d_ + l] * g[l];
        g[i] /= h[i * d_ + i];
        minimizer_[i] -= g[i];
      }
    }
  }

  std::size_t d_;
  std::size_t k_;
  double penalty_;
  std::vector<double> a_;
  std::vector<double> y_;
  std::vector<double> minimizer_;
  Claims claims_;
};

}  // namespace

std::unique_ptr<LabProblem> quadratic_problem(const QuadraticOptions& options) {
  return std::make_unique<Quadratic>(options);
}
std::unique_ptr<LabProblem> cosh_problem(const CoshOptions& options) { return std::make_unique<Cosh>(options); }
std::unique_ptr<LabProblem> logistic_problem(const LogisticOptions& options) {
  return std::make_unique<Logistic>(options);
}

}  // namespace normdescent::lab
