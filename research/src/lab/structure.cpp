// SPDX-License-Identifier: Apache-2.0
// W6: which norm's optimizer wins, predicted by constants alone, over a grid of matrix quadratics
//   F(W) = 1/2 <D, A D>, D = W - W*, G = A D + N
// with plain, sparse (a few steep rows) and low-rank Hessians, noise and starts. Predicted cost of a geometry X, up to
// a constant that does not depend on X: L_X/||G_0||_X^2 + 16 L_X S_X^2/||G_0||_X^4 (U1's samples at epsilon =
// ||G_0||_X). Measured: samples until F is a tenth of its start, at the best constant step size, batch 1.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "matrix_quadratic.hpp"
#include "parallel.hpp"

namespace normdescent::lab {

ExperimentResult structure(const ExperimentOptions& options) {
  constexpr std::array kShapes{Shape::plain, Shape::sparse, Shape::low_rank};
  // Draws of every cell's matrices: who wins a cell is a matter of luck where two methods are close.
  constexpr std::size_t kDraws = 16;
  std::vector<MatrixCase> cases;
  for (const Shape hessian : kShapes) {
    for (const Shape start : kShapes) {
      cases.push_back({.hessian = hessian, .start = start, .noise_shape = Shape::plain, .noise = 0.0});
      for (const Shape noise : kShapes) {
        cases.push_back({.hessian = hessian, .start = start, .noise_shape = noise, .noise = 1.0});
      }
    }
  }
  const int trajectories = static_cast<int>(std::clamp(std::round(3 * options.scale), 1.0, 255.0));
  struct Outcome {
    std::array<double, 3> predicted;
    std::array<double, 3> measured;
  };
  const auto draws = parallel_map(cases.size() * kDraws, options.threads, [&](std::size_t j) {
    const MatrixQuadratic problem(cases[j / kDraws], options.seed * 4096 + j);
    Outcome o{};
    for (const auto method : kMatrixMethods) {
      const auto i = static_cast<std::size_t>(method);
      o.predicted[i] = problem.predicted_cost(method);
      o.measured[i] =
          problem.best_samples(method, trajectories, RandomStream::of(options.seed, 40, j << 8U | i)).samples;
    }
    return o;
  });
  std::vector<Outcome> outcomes(cases.size());  // geometric means over the draws of a cell
  for (std::size_t j = 0; j < cases.size(); ++j) {
    for (std::size_t i = 0; i < 3; ++i) {
      double predicted = 0.0;
      double measured = 0.0;
      for (std::size_t k = 0; k < kDraws; ++k) {
        predicted += std::log(draws[j * kDraws + k].predicted[i]) / kDraws;
        measured += std::log(draws[j * kDraws + k].measured[i]) / kDraws;
      }
      outcomes[j].predicted[i] = std::exp(predicted);
      outcomes[j].measured[i] = std::exp(measured);
    }
  }
  ExperimentResult out;
  out.parameters = {{"rows", std::int64_t{MatrixQuadratic::kRows}},
                    {"cols", std::int64_t{MatrixQuadratic::kCols}},
                    {"draws", std::int64_t{kDraws}},
                    {"trajectories", std::int64_t{trajectories}}};
  int right = 0;
  int right_noisy = 0;
  int noisy = 0;
  double regret = 0.0;  // log of the slowdown against the best method, summed
  std::array<double, 3> fixed_regret{};
  std::array<double, 3> wins{};
  for (std::size_t j = 0; j < cases.size(); ++j) {
    const auto& [predicted, measured] = outcomes[j];
    const auto guess =
        static_cast<std::size_t>(std::min_element(predicted.begin(), predicted.end()) - predicted.begin());
    const auto best = static_cast<std::size_t>(std::min_element(measured.begin(), measured.end()) - measured.begin());
    const bool is_right = guess == best;
    right += is_right;
    if (cases[j].noise > 0) {
      ++noisy;
      right_noisy += is_right;
    }
    regret += std::log(measured[guess] / measured[best]);
    wins[best] += 1;
    for (std::size_t i = 0; i < 3; ++i) fixed_regret[i] += std::log(measured[i] / measured[best]);
    Row row{{"hessian", std::string(to_string(cases[j].hessian))},
            {"start", std::string(to_string(cases[j].start))},
            {"noise", std::string(cases[j].noise > 0 ? to_string(cases[j].noise_shape) : "none")}};
    for (const auto method : kMatrixMethods) {
      const auto i = static_cast<std::size_t>(method);
      row.emplace_back(std::string("predicted_cost_") + to_string(method), predicted[i]);
      row.emplace_back(std::string("samples_") + to_string(method), measured[i]);
    }
    row.emplace_back("predicted_winner", std::string(to_string(kMatrixMethods[guess])));
    row.emplace_back("winner", std::string(to_string(kMatrixMethods[best])));
    out.rows.push_back(std::move(row));
  }
  const auto count = static_cast<double>(cases.size());
  out.rows.push_back({{"share_right", right / count},
                      {"share_right_noisy", static_cast<double>(right_noisy) / noisy},
                      {"slowdown_of_prediction", std::exp(regret / count)},
                      {"slowdown_of_always_sgd", std::exp(fixed_regret[0] / count)},
                      {"slowdown_of_always_signsgd", std::exp(fixed_regret[1] / count)},
                      {"slowdown_of_always_muon", std::exp(fixed_regret[2] / count)}});
  // Against the best that can be said without looking at a cell: always the method that wins most often.
  out.checks.push_back(
      check_at_least("share of cells whose winner the constants predict, over the share of the most frequent winner",
                     right / *std::max_element(wins.begin(), wins.end()), 1.0));
  out.checks.push_back(
      check_at_most("slowdown by following the prediction, over the smallest by always taking one method",
                    std::exp((regret - *std::min_element(fixed_regret.begin(), fixed_regret.end())) / count), 1.0));
  return out;
}

}  // namespace normdescent::lab
