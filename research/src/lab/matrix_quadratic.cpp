// SPDX-License-Identifier: Apache-2.0
// Legend   A Hessian (m, m)   D = W - W* (m, n)   G gradient   C noise factor (m, m)   u a unit vector that is no axis
#include "matrix_quadratic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "elementwise.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/norms/norms.hpp"
#include "normdescent/statistics/quantile.hpp"

namespace normdescent::lab {

namespace {

constexpr Index kM = MatrixQuadratic::kRows;
constexpr Index kN = MatrixQuadratic::kCols;
constexpr double kRest = 0.03;  // what a sparse or low-rank shape leaves to the other directions

/// out = a b, a (m, m), b (m, n).
template <class A, class B, class Out>
void multiply(const A& a, const B& b, Index cols, Out& out) {
  for (Index i = 0; i < kM; ++i) {
    for (Index j = 0; j < cols; ++j) {
      double sum = 0.0;
      for (Index k = 0; k < kM; ++k) {
        sum += a[static_cast<std::size_t>(i * kM + k)] * b[static_cast<std::size_t>(k * cols + j)];
      }
      out[static_cast<std::size_t>(i * cols + j)] = sum;
    }
  }
}

/// Symmetric weight on row directions: I, or kRest I plus (1 - kRest) e_0 e_0^T or u u^T.
template <class Square>
void fill_weight(Shape shape, const std::array<double, static_cast<std::size_t>(kM)>& u, Square& out) {
  for (Index i = 0; i < kM; ++i) {
    for (Index j = 0; j < kM; ++j) {
      const auto k = static_cast<std::size_t>(i * kM + j);
      const double identity = i == j ? 1.0 : 0.0;
      switch (shape) {
        case Shape::plain: out[k] = identity; break;
        case Shape::sparse: out[k] = kRest * identity + (i == 0 && j == 0 ? 1 - kRest : 0.0); break;
        case Shape::low_rank:
          out[k] = kRest * identity + (1 - kRest) * u[static_cast<std::size_t>(i)] * u[static_cast<std::size_t>(j)];
          break;
      }
    }
  }
}

template <class Array>
MatrixView<const double> view(const Array& a, Index cols) {
  return {a.data(), kM, cols};
}

}  // namespace

const char* to_string(Shape shape) {
  switch (shape) {
    case Shape::plain: return "plain";
    case Shape::sparse: return "sparse";
    case Shape::low_rank: break;
  }
  return "low-rank";
}

const char* to_string(MatrixMethod method) {
  switch (method) {
    case MatrixMethod::sgd: return "sgd";
    case MatrixMethod::signsgd: return "signsgd";
    case MatrixMethod::muon: break;
  }
  return "muon";
}

MatrixQuadratic::MatrixQuadratic(const MatrixCase& setting, std::uint64_t seed) {
  Philox random(seed, 0x51554144U);
  const auto direction = [&] {
    std::array<double, static_cast<std::size_t>(kM)> u;
    double square = 0.0;
    for (double& v : u) {
      v = random.normal();
      square += v * v;
    }
    for (double& v : u) v /= std::sqrt(square);
    return u;
  };
  fill_weight(setting.hessian, direction(), hessian_);
  Square weight;
  fill_weight(setting.start, direction(), weight);
  Dense z;
  for (double& v : z) v = random.normal();
  multiply(weight, z, kN, start_);
  multiply(hessian_, start_, kN, gradient_);
  fill_weight(setting.noise_shape, direction(), noise_);
  const double scale = setting.noise * L2{}.value(view(gradient_, kN)) /
                       (L2{}.value(view(noise_, kM)) * std::sqrt(static_cast<double>(kN)));
  for (double& v : noise_) v *= scale;
}

MatrixConstants MatrixQuadratic::constants(MatrixMethod method) const {
  const double columns = static_cast<double>(kN);
  MatrixConstants out;
  switch (method) {
    case MatrixMethod::sgd:
      out.smoothness = Spectral{}.value(view(hessian_, kM));
      out.gradient = L2{}.value(view(gradient_, kN));
      out.noise = L2{}.value(view(noise_, kM)) * std::sqrt(columns);
      break;
    case MatrixMethod::signsgd:
      for (unsigned signs = 0; signs < (1U << static_cast<unsigned>(kM)); ++signs) {
        double form = 0.0;
        for (Index i = 0; i < kM; ++i) {
          for (Index j = 0; j < kM; ++j) {
            const bool equal = ((signs >> static_cast<unsigned>(i)) & 1U) == ((signs >> static_cast<unsigned>(j)) & 1U);
            form += (equal ? 1.0 : -1.0) * hessian_[static_cast<std::size_t>(i * kM + j)];
          }
        }
        out.smoothness = std::max(out.smoothness, columns * form);
      }
      out.gradient = LInf{}.dual(view(gradient_, kN));
      for (Index i = 0; i < kM; ++i) {  // every entry of row i has the variance (C C^T)_ii
        double variance = 0.0;
        for (Index k = 0; k < kM; ++k) variance += std::pow(noise_[static_cast<std::size_t>(i * kM + k)], 2);
        out.noise += columns * std::sqrt(variance);
      }
      break;
    case MatrixMethod::muon:
      out.smoothness = Nuclear{}.value(view(hessian_, kM));
      out.gradient = Spectral{}.dual(view(gradient_, kN));
      out.noise = Nuclear{}.value(view(noise_, kM)) * std::sqrt(columns);
      break;
  }
  return out;
}

double MatrixQuadratic::predicted_cost(MatrixMethod method) const {
  const auto [smoothness, gradient, noise] = constants(method);
  const double g2 = gradient * gradient;
  return smoothness / g2 * (1 + 16 * noise * noise / g2);
}

double MatrixQuadratic::run(MatrixMethod method, double learning_rate, RandomStream stream, double cap) const {
  Dense d = start_;
  Dense g;
  Dense noise;
  Dense direction;
  const auto sgd = sgd_rule<double>(learning_rate);
  const auto sign = signsgd_rule<double>(learning_rate);
  const rules::Step<double> step(learning_rate, 0.0);
  PolarWorkspace<double> workspace(kM, kN);
  std::array<float, (kSize + kRandomGroup - 1) / kRandomGroup * kRandomGroup> normal;
  const bool is_noisy = std::any_of(noise_.begin(), noise_.end(), [](double v) { return v != 0.0; });
  double start_value = 0.0;
  for (double t = 0; t < cap; ++t) {
    multiply(hessian_, d, kN, g);
    double value = 0.0;
    for (std::size_t k = 0; k < kSize; ++k) value += d[k] * g[k];
    if (t == 0) start_value = value;
    if (value <= 0.1 * start_value) return t;
    if (!(value <= 100 * start_value)) break;  // diverged
    if (is_noisy) {
      fill_normal(stream, static_cast<std::uint64_t>(t) * normal.size(), normal);
      multiply(noise_, normal, kN, noise);
      for (std::size_t k = 0; k < kSize; ++k) g[k] += noise[k];
    }
    switch (method) {
      case MatrixMethod::sgd:
        for (std::size_t k = 0; k < kSize; ++k) sgd(d[k], g[k]);
        break;
      case MatrixMethod::signsgd:
        for (std::size_t k = 0; k < kSize; ++k) sign(d[k], g[k]);
        break;
      case MatrixMethod::muon:
        polar<double>("polar-express", 8, view(g, kN), {direction.data(), kM, kN}, workspace);
        for (std::size_t k = 0; k < kSize; ++k) step(d[k], direction[k]);
        break;
    }
  }
  return std::numeric_limits<double>::infinity();
}

BestSamples MatrixQuadratic::best_samples(MatrixMethod method, int trajectories, RandomStream stream) const {
  const auto c = constants(method);
  // The step that is best on the quadratic model without noise, in the method's units; noise asks for smaller ones.
  const double center = method == MatrixMethod::sgd ? 1 / c.smoothness : c.gradient / c.smoothness;
  BestSamples best{std::numeric_limits<double>::infinity(), 0.0};
  // Rates that are too large never arrive, and would take all of a long cap to say so.
  for (double cap = 300; cap <= 30000 && 3 * best.samples > cap; cap *= 10) {
    int slow = 0;  // rates in a row: below the best one samples grow like 1/rate, and smaller ones need not be tried
    for (int k = 2; k >= -14 && slow < 2; --k) {
      const double rate = center * std::exp2(k / 2.0);
      std::vector<double> samples;
      for (int j = 0; j < trajectories; ++j) {
        samples.push_back(run(method, rate, {stream.seed, stream.stream + (static_cast<std::uint64_t>(j) << 16U)},
                              std::min(cap, 3 * best.samples)));
      }
      const double median = quantile(samples, 0.5);
      slow = median > 2 * best.samples ? slow + 1 : 0;
      if (median < best.samples) best = {median, rate};
    }
  }
  return best;
}

}  // namespace normdescent::lab
