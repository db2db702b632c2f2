// SPDX-License-Identifier: Apache-2.0
// One row for every optimizer of the catalog, and some for variants: with which peak rate it makes which progress on
// which problem. The rates are powers of two: the best in a search over 2^-14 ... 2^6 in double of which rates 3 %
// higher and lower make the progress too.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
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

}  // namespace normdescent::conformance
