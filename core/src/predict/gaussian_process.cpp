// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/gaussian_process.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace normdescent {

namespace {

using Matrix = std::vector<std::vector<double>>;

// Lower Cholesky factor of a positive definite matrix, in place; rows may end at the diagonal.
void factorize(Matrix& a) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t l = 0; l < j; ++l) sum -= a[i][l] * a[j][l];
      a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
    }
  }
}

// Solves L L^T x = b.
std::vector<double> solve(const Matrix& l, std::vector<double> b) {
  const std::size_t n = l.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) b[i] -= l[i][j] * b[j];
    b[i] /= l[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) b[i] -= l[j][i] * b[j];
    b[i] /= l[i][i];
  }
  return b;
}

// Bounds, means of what lies between them, and standard deviations of the columns, over the rows that have them.
void standardize(KernelModel& model, std::span<const std::vector<double>> x) {
  for (std::size_t j = 0; j < model.centre.size(); ++j) {
    double count = 0.0;
    double sum = 0.0;
    for (const auto& row : x) {
      if (std::isnan(row[j])) continue;
      sum += row[j];
      count += 1.0;
    }
    if (count == 0.0) continue;
    const double mean = sum / count;
    double squares = 0.0;
    for (const auto& row : x) squares += std::isnan(row[j]) ? 0.0 : (row[j] - mean) * (row[j] - mean);
    const double sd = std::sqrt(squares / count);
    model.scale[j] = sd > 1e-9 * std::abs(mean) ? sd : 0.0;  // rounding alone is no variation
    model.low[j] = mean - kWinsorLimit * sd;
    model.high[j] = mean + kWinsorLimit * sd;
    double clamped = 0.0;
    for (const auto& row : x) clamped += std::isnan(row[j]) ? 0.0 : std::clamp(row[j], model.low[j], model.high[j]);
    model.centre[j] = clamped / count;
  }
}

double standardized(const KernelModel& model, std::size_t j, double x) {
  if (std::isnan(x) || model.scale[j] == 0.0) return 0.0;
  return (std::clamp(x, model.low[j], model.high[j]) - model.centre[j]) / model.scale[j];
}

std::vector<double> standardized(const KernelModel& model, std::span<const double> x) {
  std::vector<double> z;
  for (std::size_t j = 0; j < model.scale.size(); ++j) z.push_back(standardized(model, j, x[j]));
  return z;
}

// exp(-|a - b|^2 / (2 k)), k the features that vary.
double kernel(const KernelModel& model, std::span<const double> a, std::span<const double> b) {
  double squares = 0.0;
  double varying = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    squares += (a[j] - b[j]) * (a[j] - b[j]);
    varying += model.scale[j] != 0.0 ? 1.0 : 0.0;
  }
  return varying == 0.0 ? 1.0 : std::exp(-0.5 * squares / varying);
}

double value_at(const KernelModel& model, std::span<const double> z) {
  double sum = model.intercept;
  for (std::size_t j = 0; j < z.size(); ++j) sum += model.slope[j] * z[j];
  for (std::size_t i = 0; i < model.seen.size(); ++i) sum += model.weight[i] * kernel(model, z, model.seen[i]);
  return sum;
}

}  // namespace

double KernelModel::value(std::span<const double> x) const { return value_at(*this, standardized(*this, x)); }

double KernelModel::contribution(std::size_t j, std::span<const double> x) const {
  std::vector<double> z = standardized(*this, x);
  const double whole = value_at(*this, z);
  z[j] = 0.0;
  return whole - value_at(*this, z);
}

GaussianProcess::GaussianProcess(std::span<const std::vector<double>> x, std::span<const double> y,
                                 std::span<const double> prior)
    : residual_(y.begin(), y.end()) {
  if (x.size() != y.size()) throw std::invalid_argument("x and y = of different lengths, must be equal");
  if (x.empty()) return;
  if (!prior.empty() && prior.size() != x.front().size())
    throw std::invalid_argument("prior = " + std::to_string(prior.size()) + " slopes, must be one a feature");
  for (auto* column : {&model_.low, &model_.high, &model_.centre, &model_.scale, &model_.slope})
    column->assign(x.front().size(), 0.0);
  standardize(model_, x);
  for (std::size_t j = 0; j < prior.size(); ++j) model_.slope[j] = prior[j] * model_.scale[j];
  const std::size_t n = x.size();
  for (std::size_t i = 0; i < n; ++i) {
    model_.seen.push_back(standardized(model_, x[i]));
    for (std::size_t j = 0; j < model_.slope.size(); ++j) residual_[i] -= model_.slope[j] * model_.seen[i][j];
    model_.intercept += residual_[i] / static_cast<double>(n);
  }
  for (double& value : residual_) value -= model_.intercept;
  for (std::size_t i = 0; i < n; ++i) {
    kernel_.emplace_back();
    for (std::size_t j = 0; j <= i; ++j) kernel_[i].push_back(kernel(model_, model_.seen[i], model_.seen[j]));
  }
}

GaussianProcess::Fit GaussianProcess::fit(const KernelVariances& variances) const {
  const auto require_positive = [](const char* name, double value) {
    if (!(value > 0.0))
      throw std::invalid_argument(std::string(name) + " = " + std::to_string(value) + ", must be > 0");
  };
  require_positive("signal", variances.signal);
  require_positive("noise", variances.noise);
  Matrix covariance = kernel_;
  for (std::size_t i = 0; i < covariance.size(); ++i) {
    for (double& value : covariance[i]) value *= variances.signal;
    covariance[i][i] += variances.noise;
  }
  factorize(covariance);
  Fit fit{.weight = solve(covariance, residual_), .log_likelihood = 0.0};
  for (std::size_t i = 0; i < covariance.size(); ++i) {
    fit.log_likelihood -= 0.5 * residual_[i] * fit.weight[i] + std::log(covariance[i][i]);
    fit.weight[i] *= variances.signal;
  }
  return fit;
}

KernelModel GaussianProcess::model(Fit fit) const {
  KernelModel model = model_;
  model.weight = std::move(fit.weight);
  return model;
}

}  // namespace normdescent
