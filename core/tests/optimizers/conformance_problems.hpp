// SPDX-License-Identifier: Apache-2.0
// Three functions of the coordinates of small_model() on which every optimizer of the catalog must make progress, and a
// run on them. Values are computed in double whatever the parameters are stored in.
//
// Legend   x point   f value   h curvature   t step, which is also the number of the mini-batch
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent::conformance {

/// A function with its start and its (possibly noisy) gradient; the infimum is 0.
struct Problem {
  const char* name;
  void (*start)(std::span<double> x);
  double (*value)(std::span<const double> x);
  void (*gradient)(std::span<const double> x, std::uint64_t t, std::span<double> g);
};

namespace detail {

// From 1 to `largest` in equal ratios, five times over.
inline double curvature(std::size_t i, double largest) {
  constexpr std::size_t kPeriod = 29;
  return std::pow(largest, static_cast<double>(i % kPeriod) / (kPeriod - 1));
}

inline double quadratic_value(std::span<const double> x, double largest) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += 0.5 * curvature(i, largest) * x[i] * x[i];
  return sum;
}

inline void normal_start(std::span<double> x) {
  Philox random(41);
  for (double& value : x) value = random.normal();
}

}  // namespace detail

/// f = 1/2 sum h_i x_i^2, h from 1 to 10.
inline constexpr Problem kQuadratic{.name = "quadratic",
                                    .start = detail::normal_start,
                                    .value = [](std::span<const double> x) { return detail::quadratic_value(x, 10.0); },
                                    .gradient =
                                        [](std::span<const double> x, std::uint64_t /*t*/, std::span<double> g) {
                                          for (std::size_t i = 0; i < x.size(); ++i)
                                            g[i] = detail::curvature(i, 10.0) * x[i];
                                        }};

/// f = sum over pairs (a, b) of 100 (b - a^2)^2 + (1 - a)^2 from (-1.2, 1), Rosenbrock's start: 24.2 a pair. The valley
/// floor is reached at about 4 a pair; less asks for progress along it. All pairs being equal, the gradients of
/// matrices have rank one, the hard case of msign.
inline constexpr Problem kRosenbrock{.name = "Rosenbrock",
                                     .start =
                                         [](std::span<double> x) {
                                           for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? -1.2 : 1.0;
                                         },
                                     .value =
                                         [](std::span<const double> x) {
                                           double sum = 0.0;
                                           for (std::size_t i = 0; i + 1 < x.size(); i += 2) {
                                             const double valley = x[i + 1] - x[i] * x[i];
                                             sum += 100.0 * valley * valley + (1.0 - x[i]) * (1.0 - x[i]);
                                           }
                                           return sum;
                                         },
                                     .gradient =
                                         [](std::span<const double> x, std::uint64_t /*t*/, std::span<double> g) {
                                           for (std::size_t i = 0; i + 1 < x.size(); i += 2) {
                                             const double valley = x[i + 1] - x[i] * x[i];
                                             g[i] = -400.0 * valley * x[i] - 2.0 * (1.0 - x[i]);
                                             g[i + 1] = 200.0 * valley;
                                           }
                                         }};

/// The noise that sign methods and msign are said to be good for and plain SGD bad: every eighth coordinate has
/// Gaussian noise ten times its first gradient, the others have none; condition number 100.
inline constexpr Problem kSparseNoise{
    .name = "sparse noise",
    .start = detail::normal_start,
    .value = [](std::span<const double> x) { return detail::quadratic_value(x, 100.0); },
    .gradient =
        [](std::span<const double> x, std::uint64_t t, std::span<double> g) {
          Philox random(43, t);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const double h = detail::curvature(i, 100.0);
            g[i] = h * x[i] + (i % 8 == 0 ? 10.0 * h * random.normal() : 0.0);
          }
        }};

inline constexpr Problem kProblems[] = {kQuadratic, kRosenbrock, kSparseNoise};

/// Half a cosine from 1 to 0.
inline double cosine_schedule(int t, int steps) {
  return 0.5 * (1.0 + std::cos(std::numbers::pi * static_cast<double>(t) / steps));
}

}  // namespace normdescent::conformance
