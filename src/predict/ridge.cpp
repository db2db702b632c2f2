// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/ridge.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace normdescent {

namespace {

using Rows = std::vector<std::vector<double>>;

// Lower Cholesky factor of a positive definite matrix, in place.
void factorize(Rows& a) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t l = 0; l < j; ++l) sum -= a[i][l] * a[j][l];
      a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
    }
  }
}

// Solves L L^T x = b.
std::vector<double> solve(const Rows& l, std::vector<double> b) {
  const std::size_t k = l.size();
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < i; ++j) b[i] -= l[i][j] * b[j];
    b[i] /= l[i][i];
  }
  for (std::size_t i = k; i-- > 0;) {
    for (std::size_t j = i + 1; j < k; ++j) b[i] -= l[j][i] * b[j];
    b[i] /= l[i][i];
  }
  return b;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Bounds, means of what lies between them, and standard deviations of the columns, over the rows that have them.
void standardize(LinearModel& model, std::span<const std::vector<double>> x) {
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

}  // namespace

double LinearModel::standardized(std::size_t j, double x) const {
  return std::isnan(x) || scale[j] == 0.0 ? 0.0 : (std::clamp(x, low[j], high[j]) - centre[j]) / scale[j];
}

double LinearModel::contribution(std::size_t j, double x) const { return coefficient[j] * standardized(j, x); }

double LinearModel::value(std::span<const double> x) const {
  double sum = intercept;
  for (std::size_t j = 0; j < coefficient.size(); ++j) sum += contribution(j, x[j]);
  return sum;
}

RidgeFit fit_ridge(std::span<const std::vector<double>> x, std::span<const double> y, double lambda,
                   std::span<const double> prior) {
  if (!(lambda > 0.0)) throw std::invalid_argument("lambda = " + std::to_string(lambda) + ", must be > 0");
  if (x.size() != y.size()) throw std::invalid_argument("x and y = of different lengths, must be equal");
  RidgeFit fit;
  if (x.empty()) return fit;
  const std::size_t n = x.size();
  const std::size_t k = x.front().size();
  LinearModel& model = fit.model;
  for (auto* column : {&model.low, &model.high, &model.centre, &model.scale, &model.coefficient})
    column->assign(k, 0.0);
  standardize(model, x);

  std::vector<double> start(k, 0.0);  // the prior in units of a standardized feature
  for (std::size_t j = 0; j < prior.size(); ++j) start[j] = prior[j] * model.scale[j];
  Rows z(n, std::vector<double>(k, 0.0));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < k; ++j) z[i][j] = model.standardized(j, x[i][j]);
  }
  for (const double value : y) model.intercept += value / static_cast<double>(n);
  std::vector<double> residual(n);  // of intercept and prior alone
  for (std::size_t i = 0; i < n; ++i) residual[i] = y[i] - model.intercept - dot(z[i], start);

  // b - prior = (Z^T Z + lambda n I)^-1 Z^T residual
  Rows gram(k, std::vector<double>(k, 0.0));
  std::vector<double> right(k, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < k; ++a) {
      right[a] += z[i][a] * residual[i];
      for (std::size_t b = 0; b <= a; ++b) gram[a][b] += z[i][a] * z[i][b];
    }
  }
  for (std::size_t a = 0; a < k; ++a) gram[a][a] += lambda * static_cast<double>(n);
  factorize(gram);
  model.coefficient = solve(gram, right);
  for (std::size_t i = 0; i < n; ++i) {
    const double own_weight = 1.0 / static_cast<double>(n) + dot(z[i], solve(gram, z[i]));
    const double error = (residual[i] - dot(z[i], model.coefficient)) / (1.0 - own_weight);
    if (n > 1) fit.squared_loo_error += error * error;
  }
  for (std::size_t j = 0; j < k; ++j) model.coefficient[j] += start[j];
  return fit;
}

}  // namespace normdescent
