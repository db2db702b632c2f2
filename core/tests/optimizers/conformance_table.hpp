// SPDX-License-Identifier: Apache-2.0
// What tests know of every optimizer of the catalog. One row for each, and some for variants: with which peak rate it
// makes which progress on which problem; below them two steps by hand. The rates are powers of two: the best in a
// search over 2^-14 ... 2^6 in double of which rates 3 % higher and lower make the progress too.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "optimizers/conformance_problems.hpp"

namespace normdescent::conformance {

inline constexpr std::size_t kProblemCount = std::size(kProblems);

/// Steps of a run, under half a cosine.
inline constexpr int kSteps = 300;
/// f(end) / f(start) that an optimizer must reach unless its row says otherwise: on the quadratic within 300 steps at
/// condition 10; on Rosenbrock's function an eighth of the 4 a pair at the valley floor; under sparse noise above what
/// SGD's best rate leaves (0.106 to 0.111, the worst of all).
inline constexpr std::array<double, kProblemCount> kProgress{1e-6, 0.02, 0.15};

struct Row {
  std::string optimizer;
  std::array<double, kProblemCount> learning_rates{};  ///< as kProblems
  std::map<std::string, std::string> options{};        ///< besides learning_rate
  std::array<double, kProblemCount> progress = kProgress;

  [[nodiscard]] OptimizerSpec spec(std::size_t problem) const {
    auto all = options;
    all["learning_rate"] = std::to_string(learning_rates[problem]);
    return make_optimizer(optimizer, all);
  }
  /// "sgd beta=0.9"
  [[nodiscard]] std::string label() const {
    std::string text = optimizer;
    for (const auto& [name, value] : options) text += " " + name + "=" + value;
    return text;
  }
};

inline const std::vector<Row>& table() {
  static const std::vector<Row> rows{
      {"sgd", {0x1p-2, 0x1p-8, 0x1p-10}},
      {"normalized-sgd", {0x1p1, 0x1p3, 0x1p0}},
      {"row-normalized-sgd", {0x1p-5, 0x1p0, 0x1p-4}},
      // Without momentum, signs cross a valley and do not follow it. Rates of 1 and 2 happen to land at 0.002; one per
      // cent beside them it is 0.15 again.
      {"signsgd", {0x1p-5, 0x1p-8, 0x1p-4}, {}, {kProgress[0], 0.18, kProgress[2]}},
      {"signum", {0x1p-5, 0x1p-5, 0x1p-6}},
      {"lion", {0x1p-4, 0x1p-4, 0x1p-6}},
      {"cautious-lion", {0x1p-4, 0x1p-4, 0x1p-6}},
      {"muon", {0x1p-3, 0x1p-1, 0x1p-4}},
      {"muonlight", {0x1p-3, 0x1p0, 0x1p-4}},
      {"adamw", {0x1p4, 0x1p0, 0x1p-4}},
      {"adagrad", {0x1p4, 0x1p1, 0x1p-1}},
      {"adagrad-norm", {0x1p4, 0x1p4, 0x1p4}, {}, {kProgress[0], 0.05, kProgress[2]}},
      {"mars-lion", {0x1p-5, 0x1p-5, 0x1p-5}},
      {"mars-adamw", {0x1p0, 0x1p-4, 0x1p-3}},
      {"scion", {0x1p-6, 0x1p-4, 0x1p-6}},
      {"scion-constrained", {0x1p-7, 0x1p-5, 0x1p-7}},
      {"lionmuon", {0x1p-2, 0x1p-1, 0x1p-4}},
      {"asgo", {0x1p6, 0x1p1, 0x1p-1}},
      {"shampoo", {0x1p-4, 0x1p-1, 0x1p-4}},
      {"sgd", {0x1p-3, 0x1p-9, 0x1p-14}, {{"beta", "0.9"}, {"nesterov", "true"}}},
      {"sgd", {0x1p-2, 0x1p-7, 0x1p-10}, {{"beta", "0.9"}, {"clip_norm", "100"}}},
      {"signum", {0x1p-5, 0x1p-6, 0x1p-6}, {{"correction", "extrapolation"}, {"start", "first-gradient"}}},
      {"normalized-sgd", {0x1p-2, 0x1p2, 0x1p-2}, {{"beta", "0.9"}, {"correction", "variance-reduction"}}},
      {"muon", {0x1p-3, 0x1p0, 0x1p-4}, {{"correction", "mars"}, {"gamma", "0.025"}, {"nesterov", "true"}}},
  };
  return rows;
}

/// body(row, problem) for every row and problem; a failure names them.
inline void for_each_cell(const auto& body) {
  for (const Row& row : table()) {
    for (std::size_t problem = 0; problem < kProblemCount; ++problem) {
      SCOPED_TRACE(row.label() + " on " + kProblems[problem].name);
      body(row, problem);
    }
  }
}

/// Plain forms of the catalog's tensor maps, by their names: d from the estimate u and the fed gradient c.
using PlainMap = std::function<std::vector<double>(const std::vector<double>& u, const std::vector<double>& c)>;
inline const std::map<std::string, PlainMap>& plain_maps() {
  static const std::map<std::string, PlainMap> maps{{"cautious-sign", [](const auto& u, const auto& c) {
                                                       std::vector<double> d(u.size());
                                                       double agreeing = 0.0;
                                                       for (std::size_t i = 0; i < u.size(); ++i)
                                                         agreeing += u[i] * c[i] > 0.0 ? 1.0 : 0.0;
                                                       const double mean =
                                                           std::max(agreeing / static_cast<double>(u.size()), 1e-3);
                                                       for (std::size_t i = 0; i < u.size(); ++i) {
                                                         if (u[i] * c[i] > 0.0) d[i] = (u[i] > 0.0 ? 1.0 : -1.0) / mean;
                                                       }
                                                       return d;
                                                     }}};
  return maps;
}

/// Two steps of an optimizer, computed by hand in the comments.
struct HandSteps {
  std::string optimizer;
  std::map<std::string, std::string> options;
  std::vector<Index> shape;
  Role role;
  std::vector<double> start;
  std::vector<std::vector<double>> gradients;
  std::vector<std::vector<double>> values;  ///< after each step
  double tolerance = 0.0;                   ///< 0 where all numbers are dyadic
};

/// So that no name is without them; exact_steps_test, directions_test and shampoo_test go into the options.
inline std::vector<HandSteps> hand_steps() {
  // Of LAPACK's singular values and eigenvalues, and of roots that are no binary fractions.
  constexpr double kRounding = 1e-14;
  // msign by SVD of a diagonal matrix is the sign of its diagonal.
  const std::string kExact = "svd";
  const double kRoot2 = std::sqrt(2.0);
  const Role vector = Role::vector;
  const Role matrix = Role::matrix;
  return {
      // b = 4, x = 4 - 4/4 = 3; b = 2 + 2 = 4, x = 2
      {"sgd", {{"learning_rate", "0.25"}, {"beta", "0.5"}}, {1}, vector, {4}, {{4}, {2}}, {{3}, {2}}},
      // ||g|| = 8 for four entries of 4; then 0/0 := 0
      {"normalized-sgd",
       {{"learning_rate", "0.5"}},
       {4},
       vector,
       {1, 1, 1, 1},
       {{4, -4, 4, 4}, {0, 0, 0, 0}},
       {{0.75, 1.25, 0.75, 0.75}, {0.75, 1.25, 0.75, 0.75}}},
      // rows (0, 2) and (0, 0), then (4, 0) and (0, -3)
      {"row-normalized-sgd",
       {{"learning_rate", "0.5"}},
       {2, 2},
       matrix,
       {1, 1, 1, 1},
       {{0, 2, 0, 0}, {4, 0, 0, -3}},
       {{1, 0.5, 1, 1}, {0.5, 0.5, 1, 1.5}}},
      // x = (1 - 1/8) x - 1/4 sign(g)
      {"signsgd",
       {{"learning_rate", "0.25"}, {"decoupled_decay", "0.5"}},
       {2},
       vector,
       {8, 8},
       {{3, -0.0}, {-1, 2}},
       {{6.75, 7}, {6.15625, 5.875}}},
      // m = 2; m = 1 - 0.5 = 0.5: against the second gradient
      {"signum", {{"learning_rate", "0.25"}, {"beta", "0.5"}}, {1}, vector, {1}, {{4}, {-1}}, {{0.75}, {0.5}}},
      // u = 2, m = 3; u = 1.5 - 1 = 0.5
      {"lion",
       {{"learning_rate", "0.25"}, {"beta1", "0.5"}, {"beta2", "0.25"}},
       {1},
       vector,
       {1},
       {{4}, {-2}},
       {{0.75}, {0.5}}},
      // both agree: steps of 1/4; then u = (1 - 1/2, -1/2 - 1) against g = (-1, -2): one of two agrees, a step of 1/2
      {"cautious-lion",
       {{"learning_rate", "0.25"}, {"beta1", "0.5"}, {"beta2", "0.5"}},
       {2},
       vector,
       {1, 1},
       {{4, -2}, {-1, -2}},
       {{0.75, 1.25}, {0.75, 1.75}}},
      // M = diag(2, -1), signs (1, -1); M = diag(1 - 4, -0.5): signs (-1, -1)
      {"muon",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}, {"method", kExact}, {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {1, 0, 0, 1},
       {{4, 0, 0, -2}, {-8, 0, 0, 0}},
       {{0.75, 0, 0, 1.25}, {1, 0, 0, 1.5}},
       kRounding},
      // B = diag(4, 4), U = B/2 + G; B = diag(-1, 0.5), U = diag(-3.5, -1.25), where B alone would turn one sign only
      {"muonlight",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}, {"method", kExact}, {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {1, 0, 0, 1},
       {{4, 0, 0, 4}, {-3, 0, 0, -1.5}},
       {{0.75, 0, 0, 0.75}, {1, 0, 0, 1}},
       kRounding},
      // m = 2, v = 4, both /(1/2) and /(1/4): 4/(4 + 4); then m = 1 + 0 over 3/4, v = 3 over 7/16:
      // (4/3)/(sqrt(48/7) + 4)
      {"adamw",
       {{"learning_rate", "1"}, {"beta1", "0.5"}, {"beta2", "0.75"}, {"epsilon", "4"}, {"decoupled_decay", "0"}},
       {1},
       vector,
       {1},
       {{4}, {0}},
       {{0.5}, {0.5 - 4.0 / 3.0 / (std::sqrt(48.0 / 7.0) + 4.0)}},
       kRounding},
      // b = 3: 3/(3 + 1); b = 5: 4/(5 + 1), times 12
      {"adagrad", {{"learning_rate", "12"}, {"delta", "1"}}, {1}, vector, {0}, {{3}, {4}}, {{-9}, {-17}}},
      // b = 5: (3, 4)/(5 + 3); b = 13: (0, 12)/(13 + 3)
      {"adagrad-norm",
       {{"learning_rate", "8"}, {"delta", "3"}},
       {2},
       vector,
       {0, 0},
       {{3, 4}, {0, 12}},
       {{-3, -4}, {-3, -10}}},
      // r = 1: m = 0.5; c = -1 + 2 (-1 - 1) = -5, m = -2.25; c = 0.2 + 2 (0.2 + 1) = 2.6, m = 0.175 > 0, where the
      // plain
      // average would be -0.025
      {"mars-lion",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}, {"gamma", "2"}, {"clip_tensor_norm", "0"}},
       {1},
       vector,
       {1},
       {{1}, {-1}, {0.2}},
       {{0.75}, {1}, {0.75}}},
      // c = 4; c = 2 + 1 (2 - 4) = 0: as adamw above
      {"mars-adamw",
       {{"learning_rate", "1"},
        {"beta1", "0.5"},
        {"beta2", "0.75"},
        {"epsilon", "4"},
        {"gamma", "1"},
        {"decoupled_decay", "0"},
        {"clip_tensor_norm", "0"}},
       {1},
       vector,
       {1},
       {{4}, {2}},
       {{0.5}, {0.5 - 4.0 / 3.0 / (std::sqrt(48.0 / 7.0) + 4.0)}},
       kRounding},
      // 2 x 1 with radius 3: sqrt(2/1) 3 m/||m||; m = (1, 0), then (0.5, 0.5)
      {"scion",
       {{"learning_rate", "1"}, {"beta", "0.5"}, {"method", kExact}},
       {2, 1},
       matrix,
       {0, 0},
       {{2, 0}, {0, 1}},
       {{-3 * kRoot2, 0}, {-3 * kRoot2 - 3, -3}},
       kRounding},
      // vectors: sign, s = 1; x = 3/4 x - 1/4 sign(m): m = 1, then 0.5 - 1 < 0
      {"scion-constrained",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}},
       {1},
       vector,
       {1},
       {{2}, {-2}},
       {{0.5}, {0.625}}},
      // step 1 sign at half the rate; step 2 msign: u = 0.5 m + 0.5 g = diag(1 + 1, -0.5 - 4)
      {"lionmuon",
       {{"learning_rate", "0.5"},
        {"beta1", "0.5"},
        {"beta2", "0.5"},
        {"sign_rate", "0.5"},
        {"method", kExact},
        {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {0, 0, 0, 0},
       {{4, 0, 0, -2}, {2, 0, 0, -8}},
       {{-0.25, 0, 0, 0.25}, {-0.75, 0, 0, 0.75}},
       kRounding},
      // L = diag(9, 16): 3/sqrt(9 + 16), 4/sqrt(16 + 16); L = diag(25, 16): 4/sqrt(25 + 16), 0
      {"asgo",
       {{"learning_rate", "1"},
        {"beta", "0"},
        {"beta2", "1"},
        {"damping", "absolute"},
        {"delta", "16"},
        {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {0, 0, 0, 0},
       {{3, 0, 0, 4}, {4, 0, 0, 0}},
       {{-0.6, 0, 0, -4 / std::sqrt(32.0)}, {-0.6 - 4 / std::sqrt(41.0), 0, 0, -4 / std::sqrt(32.0)}},
       kRounding},
      // both sides are the same diagonal: two fourth roots make one square root
      {"shampoo",
       {{"learning_rate", "1"},
        {"beta", "0"},
        {"beta2", "1"},
        {"damping", "absolute"},
        {"delta", "16"},
        {"interval", "1"},
        {"graft", "none"}},
       {2, 2},
       matrix,
       {0, 0, 0, 0},
       {{3, 0, 0, 4}, {4, 0, 0, 0}},
       {{-0.6, 0, 0, -4 / std::sqrt(32.0)}, {-0.6 - 4 / std::sqrt(41.0), 0, 0, -4 / std::sqrt(32.0)}},
       kRounding},
  };
}

}  // namespace normdescent::conformance
