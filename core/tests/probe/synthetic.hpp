// SPDX-License-Identifier: Apache-2.0
// Objectives with known smoothness and noise: f(x; xi) = f(x) + <n(xi), x> with n a pure function of the example.
#pragma once

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "normdescent/training/problem.hpp"
#include "probe/samples.hpp"

namespace normdescent::testing {

/// The smooth part: loss of x, and its gradient written to g.
using SmoothPart = std::function<double(std::span<const float> x, std::span<double> g)>;
/// Noise of one example: fills n.
using NoiseLaw = std::function<void(Philox& random, std::span<double> n)>;

class Synthetic final : public Objective {
 public:
  Synthetic(const std::vector<ParameterInfo>& infos, const std::vector<float>& start, SmoothPart smooth,
            NoiseLaw noise = {})
      : buffer_(infos), smooth_(std::move(smooth)), noise_(std::move(noise)) {
    std::copy(start.begin(), start.end(), buffer_.values().begin());
  }
  [[nodiscard]] std::span<const Parameter> parameters() const override { return buffer_.parameters(); }
  double gradient(const Batch& batch) override {
    std::vector<double> g(buffer_.values().size());
    const double value = evaluate(batch, g);
    for (std::size_t i = 0; i < g.size(); ++i) buffer_.gradients()[i] = static_cast<float>(g[i]);
    return value;
  }
  double loss(const Batch& batch) override {
    std::vector<double> g(buffer_.values().size());
    return evaluate(batch, g);
  }
  double validation_loss() override {
    std::vector<double> g(buffer_.values().size());
    return smooth_(buffer_.values(), g);
  }
  [[nodiscard]] std::span<float> values() { return buffer_.values(); }

 private:
  double evaluate(const Batch& batch, std::vector<double>& g) {
    double value = smooth_(buffer_.values(), g);
    if (!noise_) return value;
    std::vector<double> n(g.size());
    for (std::uint64_t e = batch.first; e < batch.first + batch.count; ++e) {
      Philox random(batch.stream, e);
      noise_(random, n);
      for (std::size_t i = 0; i < g.size(); ++i) {
        g[i] += n[i] / batch.count;
        value += n[i] / batch.count * static_cast<double>(buffer_.values()[i]);
      }
    }
    return value;
  }

  ParameterBuffer<float> buffer_;
  SmoothPart smooth_;
  NoiseLaw noise_;
};

/// f(x) = 1/2 sum_i L_i x_i^2: L_2 = max L_i, L_inf = sum L_i.
inline SmoothPart diagonal_quadratic(std::vector<double> curvatures) {
  return [curvatures = std::move(curvatures)](std::span<const float> x, std::span<double> g) {
    double value = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double xi = x[i];
      g[i] = curvatures[i] * xi;
      value += 0.5 * curvatures[i] * xi * xi;
    }
    return value;
  };
}

/// <g, d>^2 / (2 d^T H d) of diagonal_quadratic at x over the coordinates of `l`, d = g or sign(g): its best one-step
/// gain.
inline double best_gain(std::span<const double> l, std::span<const float> x, Geometry geometry) {
  double slope = 0.0;
  double curvature = 0.0;
  for (std::size_t i = 0; i < l.size(); ++i) {
    const double g = l[i] * static_cast<double>(x[i]);
    const double d = geometry == geometries::sign() ? (g > 0.0 ? 1.0 : -1.0) : g;
    slope += g * d;
    curvature += l[i] * d * d;
  }
  return slope * slope / (2.0 * curvature);
}

inline constexpr double kNearValley = 0.01;
inline constexpr double kFarValley = 1.0;

/// f(x) = -sum_i gain(|x_i|), gain(u) = near (u/w) e^(1 - u/w) + far e^(-((u - v) / 0.3)^2): from x = 0 every step of
/// sign type with -d has a valley of depth `near` at w = kNearValley and one of depth `far` at v = kFarValley. The
/// gradient at 0 is that of negative x, so that steps go there.
inline SmoothPart two_valleys(double near, double far) {
  return [=](std::span<const float> x, std::span<double> g) {
    double value = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double u = -static_cast<double>(x[i]);
      const double slow = near * std::exp(1.0 - u / kNearValley) / kNearValley;
      const double z = (u - kFarValley) / 0.3;
      const double bump = far * std::exp(-z * z);
      value -= slow * u + bump;
      g[i] = slow * (1.0 - u / kNearValley) - 2.0 * z / 0.3 * bump;
    }
    return value;
  };
}

/// f(x) = 1/2 <v, x>^2: L_2 = ||v||_2^2, L_inf = ||v||_1^2.
inline SmoothPart rank_one_quadratic(std::vector<double> v) {
  return [v = std::move(v)](std::span<const float> x, std::span<double> g) {
    double product = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) product += v[i] * static_cast<double>(x[i]);
    for (std::size_t i = 0; i < x.size(); ++i) g[i] = product * v[i];
    return 0.5 * product * product;
  };
}

/// Independent Gaussians with the given scales.
inline NoiseLaw gaussian_noise(std::vector<double> sigma) {
  return [sigma = std::move(sigma)](Philox& random, std::span<double> n) {
    for (std::size_t i = 0; i < n.size(); ++i) n[i] = sigma[i] * random.normal();
  };
}

inline std::vector<float> gaussian_start(std::size_t d, std::uint64_t seed) {
  Philox random(seed);
  std::vector<float> x(d);
  for (float& v : x) v = static_cast<float>(random.normal());
  return x;
}

}  // namespace normdescent::testing
