// SPDX-License-Identifier: Apache-2.0
// Matrix factorization and the zero-chain.
#include <algorithm>
#include <numbers>

#include "additive_noise.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent::lab {

namespace {

/// x stacks U (n, r) over V (n, r).
class Factorization final : public AdditiveNoiseProblem {
  template <class X>
  [[nodiscard]] auto& at(X& x, Index row, Index k) const {
    return x[static_cast<std::size_t>(row * r_ + k)];
  }

 public:
  explicit Factorization(const FactorizationOptions& o)
      : AdditiveNoiseProblem(o.noise, static_cast<std::size_t>(2 * o.size * o.rank)),
        n_(o.size),
        r_(o.rank),
        radius_(o.radius),
        m_(static_cast<std::size_t>(n_ * n_), 0.0),
        solution_(static_cast<std::size_t>(2 * n_ * r_), 0.0) {
    require(n_ >= 1, "size", static_cast<double>(n_), ">= 1");
    require(r_ >= 1 && r_ <= n_, "rank", static_cast<double>(r_), "in [1, size]");
    require(radius_ >= 1 && std::isfinite(radius_), "radius", radius_, ">= 1 (the solution's norm) and finite");
    // U* = columns of one orthogonal matrix, V* of another: ||U*||_op = ||V*||_op = ||M||_op = 1.
    const auto left = random_orthogonal(static_cast<std::size_t>(n_), o.seed);
    const auto right = random_orthogonal(static_cast<std::size_t>(n_), o.seed + 1);
    for (Index i = 0; i < n_; ++i) {
      for (Index k = 0; k < r_; ++k) {
        at(solution_, i, k) = left[static_cast<std::size_t>(k * n_ + i)];
        at(solution_, n_ + i, k) = right[static_cast<std::size_t>(k * n_ + i)];
      }
    }
    for (Index i = 0; i < n_; ++i) {
      for (Index j = 0; j < n_; ++j) {
        for (Index k = 0; k < r_; ++k)
          m_[static_cast<std::size_t>(i * n_ + j)] += at(solution_, i, k) * at(solution_, n_ + j, k);
      }
    }
    claims_.name = "matrix factorization";
    claims_.rows = 2 * n_;
    claims_.cols = r_;
    const double euclidean = 3 * radius_ * radius_ + 1;
    claims_.smoothness = {.euclidean = euclidean,
                          .sign = static_cast<double>(2 * n_ * r_) * euclidean,
                          .spectral = static_cast<double>(r_) * euclidean};
    std::vector<double> x(solution_.size());
    start(x);
    claims_.start_value = value(x);
  }
  /// U = V = I/2 on the first r coordinates: not a stationary point for generic M.
  void start(std::span<double> x) const override {
    std::fill(x.begin(), x.end(), 0.0);
    for (Index k = 0; k < r_; ++k) at(x, k, k) = at(x, n_ + k, k) = 0.5;
  }
  bool minimizer(std::span<double> x) const override {
    std::copy(solution_.begin(), solution_.end(), x.begin());
    return true;
  }
  [[nodiscard]] double value(std::span<const double> x) const override {
    double f = 0.0;
    for (const double e : residual(x)) f += 0.5 * e * e;
    return f;
  }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    const auto e = residual(x);
    std::fill(g.begin(), g.end(), 0.0);
    for (Index i = 0; i < n_; ++i) {
      for (Index j = 0; j < n_; ++j) {
        for (Index k = 0; k < r_; ++k) {
          at(g, i, k) += e[static_cast<std::size_t>(i * n_ + j)] * at(x, n_ + j, k);
          at(g, n_ + j, k) += e[static_cast<std::size_t>(i * n_ + j)] * at(x, i, k);
        }
      }
    }
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 2 * uniform_at(stream, index, i) - 1;
    for (const Index part : {Index{0}, n_}) {  // scaled onto the sphere of the region, where curvature is largest
      double* const first = x.data() + part * r_;
      const double norm = Spectral{}.value(MatrixView<const double>{first, n_, r_});
      for (Index k = 0; k < n_ * r_; ++k) first[k] *= radius_ / norm * 0.999;
    }
  }

 private:
  [[nodiscard]] std::vector<double> residual(std::span<const double> x) const {
    std::vector<double> e(m_.size());
    for (Index i = 0; i < n_; ++i) {
      for (Index j = 0; j < n_; ++j) {
        double sum = -m_[static_cast<std::size_t>(i * n_ + j)];
        for (Index k = 0; k < r_; ++k) sum += at(x, i, k) * at(x, n_ + j, k);
        e[static_cast<std::size_t>(i * n_ + j)] = sum;
      }
    }
    return e;
  }

  Index n_;
  Index r_;
  double radius_;
  std::vector<double> m_;
  std::vector<double> solution_;
};

double psi(double x) { return x <= 0.5 ? 0.0 : std::exp(1 - 1 / ((2 * x - 1) * (2 * x - 1))); }
double psi_slope(double x) {
  if (x <= 0.5) return 0.0;
  const double u = 2 * x - 1;
  return psi(x) * 4 / (u * u * u);
}
double phi(double x) { return std::sqrt(std::numbers::e * std::numbers::pi / 2) * std::erfc(-x / std::numbers::sqrt2); }
double phi_slope(double x) { return std::sqrt(std::numbers::e) * std::exp(-x * x / 2); }

class ZeroChain final : public LabProblem {
 public:
  explicit ZeroChain(const ZeroChainOptions& o)
      : length_(static_cast<std::size_t>(o.length)), probability_(o.probability) {
    require(o.length >= 1, "length", o.length, ">= 1");
    require(o.probability > 0 && o.probability <= 1, "probability", o.probability, "in (0, 1]");
    claims_.name = "zero-chain";
    claims_.rows = o.length;
    claims_.start_value = -psi(1) * phi(0);
    claims_.infimum = claims_.start_value - 12.0 * o.length;
    claims_.infimum_is_bound = true;
    claims_.smoothness = {.euclidean = 152.0, .sign = {}, .spectral = {}};
    // The one random coordinate has |g_i| <= 23: E n_i^2 <= 23^2 (1 - p)/p.
    const double sigma = 23.0 * std::sqrt((1 - probability_) / probability_);
    claims_.noise.sigma.assign(length_, sigma);
  }
  [[nodiscard]] const Claims& claims() const override { return claims_; }
  void start(std::span<double> x) const override { std::fill(x.begin(), x.end(), 0.0); }
  bool minimizer(std::span<double> /*x*/) const override { return false; }
  [[nodiscard]] double value(std::span<const double> x) const override {
    double f = -psi(1) * phi(x[0]);
    for (std::size_t i = 1; i < length_; ++i) f += psi(-x[i - 1]) * phi(-x[i]) - psi(x[i - 1]) * phi(x[i]);
    return f;
  }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    for (std::size_t i = 0; i < length_; ++i) {
      const double before = i == 0 ? 1.0 : x[i - 1];
      g[i] = -psi(-before) * phi_slope(-x[i]) - psi(before) * phi_slope(x[i]);
      if (i + 1 < length_) g[i] += -psi_slope(-x[i]) * phi(-x[i + 1]) - psi_slope(x[i]) * phi(x[i + 1]);
    }
  }
  void sample(std::span<const double> x, RandomStream stream, std::uint64_t index, std::span<double> g) const override {
    gradient(x, g);
    std::size_t next = length_;  // prog_{1/4} + 1, counted from 0: the first coordinate after the last |x_i| > 1/4
    while (next > 0 && std::abs(x[next - 1]) <= 0.25) --next;
    if (next < length_) g[next] *= uniform_at(stream, index, 0) < probability_ ? 1 / probability_ : 0.0;
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    for (std::size_t i = 0; i < length_; ++i) x[i] = 4 * uniform_at(stream, index, i) - 2;
  }

 private:
  std::size_t length_;
  double probability_;
  Claims claims_;
};

}  // namespace

std::unique_ptr<LabProblem> factorization_problem(const FactorizationOptions& options) {
  return std::make_unique<Factorization>(options);
}
std::unique_ptr<LabProblem> zero_chain_problem(const ZeroChainOptions& options) {
  return std::make_unique<ZeroChain>(options);
}

}  // namespace normdescent::lab
