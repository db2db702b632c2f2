// SPDX-License-Identifier: Apache-2.0
// The hard instances behind the LabProblem interface: sums over coordinates, and the matrix lift.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "normdescent/base/philox.hpp"
#include "normdescent/lab/instances.hpp"

namespace normdescent::lab {

namespace {

/// Uniform in (0, 1): number `coordinate` of sample `index`.
double uniform(RandomStream stream, std::uint64_t index, std::uint64_t coordinate) {
  Philox reader(stream.seed, stream.stream + (coordinate << 20U), index);
  return reader.uniform();
}

double rightmost(const ScalarInstance& instance) {
  const double low = std::visit([](const auto& f) { return f.minimizer(); }, instance.function);
  return std::max(std::abs(instance.start), std::abs(low)) + 1.0;
}

class Separable final : public LabProblem {
 public:
  explicit Separable(std::vector<ScalarInstance> instances) : instances_(std::move(instances)) {
    if (instances_.empty()) throw std::invalid_argument("instances, must not be empty");
    claims_.name = "separable resisting instance";
    claims_.rows = static_cast<Index>(instances_.size());
    double sum = 0.0;
    double largest = 0.0;
    claims_.noise.tail = instances_.front().tail;
    for (const auto& instance : instances_) {
      const double start = instance.value(instance.start);
      claims_.start_value += start;
      claims_.infimum += start - instance.gap;
      claims_.noise.sigma.push_back(instance.oracle.probability < 1.0 ? instance.sigma : 0.0);
      sum += instance.curvature;
      largest = std::max(largest, instance.curvature);
    }
    claims_.smoothness = {.euclidean = largest, .sign = sum, .spectral = {}};
    claims_.smoothness_is_sharp = true;
  }

  [[nodiscard]] const Claims& claims() const override { return claims_; }
  [[nodiscard]] std::span<const ScalarInstance> instances() const { return instances_; }
  void start(std::span<double> x) const override {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = instances_[i].start * instances_[i].unit();
  }
  bool minimizer(std::span<double> x) const override {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = std::visit([](const auto& f) { return f.minimizer(); }, instances_[i].function) * instances_[i].unit();
    }
    return true;
  }
  [[nodiscard]] double value(std::span<const double> x) const override {
    double f = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) f += instances_[i].value(x[i] / instances_[i].unit());
    return f;
  }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    for (std::size_t i = 0; i < x.size(); ++i) g[i] = instances_[i].gradient(x[i] / instances_[i].unit());
  }
  void sample(std::span<const double> x, RandomStream stream, std::uint64_t index, std::span<double> g) const override {
    gradient(x, g);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const RareOracle& oracle = instances_[i].oracle;
      if (oracle.is_exact_at(g[i])) continue;
      g[i] = uniform(stream, index, i) < oracle.probability ? g[i] / oracle.probability : 0.0;
    }
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    // Mostly the resisting stretch right of 0; its last tenth beyond the bowl, its first left of the start.
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = (1.2 * uniform(stream, index, i) - 0.1) * rightmost(instances_[i]) * instances_[i].unit();
    }
  }

 private:
  std::vector<ScalarInstance> instances_;
  Claims claims_;
};

class Lifted final : public LabProblem {
 public:
  Lifted(std::vector<ScalarInstance> instances, Index cols, std::uint64_t seed)
      : base_(std::move(instances)), lift_(base_.claims().rows, cols, seed), claims_(base_.claims()) {
    const Index m = lift_.rows();
    claims_.name = "matrix lift of a " + claims_.name;
    claims_.cols = cols;
    claims_.smoothness = {
        .euclidean = base_.claims().smoothness.euclidean, .sign = {}, .spectral = base_.claims().smoothness.sign};
    claims_.noise.sigma.assign(static_cast<std::size_t>(m * cols), 0.0);
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < m; ++j) {
        claims_.noise.sigma[static_cast<std::size_t>(j * cols + i)] =
            std::abs(lift_.q(i, j)) * base_.claims().noise.sigma[static_cast<std::size_t>(i)];
      }
    }
  }

  [[nodiscard]] const Claims& claims() const override { return claims_; }
  void start(std::span<double> x) const override {
    std::vector<double> z(diagonal_size());
    base_.start(z);
    lift_.from_diagonal(z, x);
  }
  bool minimizer(std::span<double> x) const override {
    std::vector<double> z(diagonal_size());
    base_.minimizer(z);
    lift_.from_diagonal(z, x);
    return true;
  }
  [[nodiscard]] double value(std::span<const double> x) const override { return base_.value(down(x)); }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    std::vector<double> d(diagonal_size());
    base_.gradient(down(x), d);
    lift_.from_diagonal(d, g);
  }
  void sample(std::span<const double> x, RandomStream stream, std::uint64_t index, std::span<double> g) const override {
    std::vector<double> d(diagonal_size());
    base_.sample(down(x), stream, index, d);
    lift_.from_diagonal(d, g);
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    std::vector<double> z(diagonal_size());
    base_.probe_point(stream, index, z);
    lift_.from_diagonal(z, x);
  }

 private:
  [[nodiscard]] std::size_t diagonal_size() const { return static_cast<std::size_t>(lift_.rows()); }
  [[nodiscard]] std::vector<double> down(std::span<const double> x) const {
    std::vector<double> z(diagonal_size());
    lift_.to_diagonal(x, z);
    return z;
  }

  Separable base_;
  MatrixLift lift_;
  Claims claims_;
};

}  // namespace

MatrixLift::MatrixLift(Index rows, Index cols, std::uint64_t seed)
    : rows_(rows), cols_(cols), q_(static_cast<std::size_t>(rows * rows)) {
  if (rows < 1 || cols < rows) {
    throw std::invalid_argument("cols = " + std::to_string(cols) + ", must be >= rows = " + std::to_string(rows));
  }
  // Gram-Schmidt, twice, on Gaussian rows.
  Philox random(seed, 0x4C494654U);
  for (auto& v : q_) v = random.normal();
  const auto m = static_cast<std::size_t>(rows);
  for (std::size_t i = 0; i < m; ++i) {
    const std::span row(q_.data() + i * m, m);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t k = 0; k < i; ++k) {
        double dot = 0.0;
        for (std::size_t j = 0; j < m; ++j) dot += row[j] * q_[k * m + j];
        for (std::size_t j = 0; j < m; ++j) row[j] -= dot * q_[k * m + j];
      }
    }
    double square = 0.0;
    for (const double v : row) square += v * v;
    for (double& v : row) v /= std::sqrt(square);
  }
}

void MatrixLift::to_diagonal(std::span<const double> w, std::span<double> diagonal) const {
  for (Index i = 0; i < rows_; ++i) {
    double sum = 0.0;
    for (Index j = 0; j < rows_; ++j) sum += q(i, j) * w[static_cast<std::size_t>(j * cols_ + i)];
    diagonal[static_cast<std::size_t>(i)] = sum;
  }
}

void MatrixLift::from_diagonal(std::span<const double> diagonal, std::span<double> w) const {
  std::fill(w.begin(), w.end(), 0.0);
  for (Index j = 0; j < rows_; ++j) {
    for (Index i = 0; i < rows_; ++i) {
      w[static_cast<std::size_t>(j * cols_ + i)] = q(i, j) * diagonal[static_cast<std::size_t>(i)];
    }
  }
}

std::unique_ptr<LabProblem> separable_problem(std::vector<ScalarInstance> instances) {
  return std::make_unique<Separable>(std::move(instances));
}

std::unique_ptr<LabProblem> lifted_problem(std::vector<ScalarInstance> instances, Index cols, std::uint64_t seed) {
  return std::make_unique<Lifted>(std::move(instances), cols, seed);
}

}  // namespace normdescent::lab
