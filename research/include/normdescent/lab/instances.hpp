// SPDX-License-Identifier: Apache-2.0
// Hard instances (theory 5.3 to 5.6): one-dimensional pieces with their oracles, their sums over coordinates, and the
// matrix lift. An instance is built for one algorithm: it knows the step size (and for SGD the horizon) it resists.
//
// Legend   L curvature   Delta initial gap   sigma noise   p tail   epsilon gradient norm that is resisted
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/lab/problem.hpp"
#include "normdescent/lab/scalar_functions.hpp"

namespace normdescent::lab {

/// One coordinate: function, start (in units of the function), oracle, and what is guaranteed.
struct ScalarInstance {
  ScalarFunction function;
  double start = 0.0;
  RareOracle oracle;
  double curvature = 0.0;  ///< L
  double gap = 0.0;        ///< f(start) - inf f, exact
  double sigma = 0.0;      ///< E|n|^p <= sigma^p
  double tail = 2.0;
  double resisted = 0.0;  ///< E min |p'| is at least this, for the algorithm and horizon it was built for

  [[nodiscard]] double unit() const;
  [[nodiscard]] double value(double position) const;
  [[nodiscard]] double gradient(double position) const;
};

/// What an instance has to spend.
struct InstanceBudget {
  double curvature = 1.0;    ///< L > 0
  double initial_gap = 1.0;  ///< Delta > 0
  double sigma = 0.0;        ///< >= 0
  double tail = 2.0;         ///< p in (1, 2]
  friend bool operator==(const InstanceBudget&, const InstanceBudget&) = default;
};

enum class CellCount {
  published,  ///< n = floor(L Delta/(16 epsilon^2)), arXiv:2605.06615: gap <= 3/8 Delta
  sharp,      ///< n = floor(L Delta/(4 epsilon^2) - 1/2), Jiang et al.: gap <= Delta, four times the cells
};

/// floor(v), robust against v being a whole number less a rounding error: floor(1/(16 * 0.05^2)) is 25 (theory X3).
[[nodiscard]] std::int64_t guarded_floor(double v);

/// H1 + H2 for SignSGD with step `learning_rate`: slope 2 epsilon at the multiples of the step.
/// Throws std::invalid_argument if epsilon > sqrt(L Delta)/4 or a field is outside its domain.
[[nodiscard]] ScalarInstance sign_instance(const InstanceBudget& budget, double epsilon, double learning_rate,
                                           CellCount cells = CellCount::published);

/// H5 for SGD with step `learning_rate` over `steps` samples: two-cycle for learning_rate >= 2/L, else noise floor or
/// drift, whichever resists the larger gradient.
[[nodiscard]] ScalarInstance sgd_instance(const InstanceBudget& budget, double learning_rate, double steps);

/// The three pieces of H5 by themselves.
[[nodiscard]] ScalarInstance sgd_two_cycle(const InstanceBudget& budget, double learning_rate);
[[nodiscard]] ScalarInstance sgd_noise_floor(const InstanceBudget& budget, double learning_rate);
[[nodiscard]] ScalarInstance sgd_drift(const InstanceBudget& budget, double learning_rate, double steps);

/// H3 for the stochastic allocation: L_i = L sigma_i/||sigma||_1, Delta_i likewise, epsilon_i likewise; coordinates
/// with sigma_i = 0 are left out (p_i = 0). With all sigma 0: one coordinate with everything.
[[nodiscard]] std::vector<ScalarInstance> sign_instances(double smoothness, double initial_gap,
                                                         std::span<const double> sigma, double tail, double epsilon,
                                                         double learning_rate, CellCount cells = CellCount::published);

/// H6 for AdaGrad (delta = 0) with step `learning_rate`, L = Delta = 1, p = 2: cells of width eta/sqrt(k).
/// Throws std::invalid_argument unless epsilon < 1/(16 sqrt 2).
struct AdaGradInstance {
  ScalarInstance instance;
  std::int64_t points = 0;  ///< N
  std::int64_t steps = 0;   ///< T: no escape is expected before
};
[[nodiscard]] AdaGradInstance adagrad_instance(double epsilon, double sigma, double learning_rate);

/// f(x) = sum_i p_i(x_i) as a problem, for self_check and probes.
[[nodiscard]] std::unique_ptr<LabProblem> separable_problem(std::vector<ScalarInstance> instances);

/// H4: F(W) = sum_i p_i((Q W P^T)_ii), W m x n, m = number of instances <= n, Q a random orthogonal matrix of `seed`.
class MatrixLift {
 public:
  MatrixLift(Index rows, Index cols, std::uint64_t seed);

  /// (Q W P^T)_ii for i = 0 .. rows - 1.
  void to_diagonal(std::span<const double> w, std::span<double> diagonal) const;
  /// Q^T diag(values) P.
  void from_diagonal(std::span<const double> diagonal, std::span<double> w) const;
  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }
  [[nodiscard]] double q(Index i, Index j) const { return q_[static_cast<std::size_t>(i * rows_ + j)]; }

 private:
  Index rows_;
  Index cols_;
  std::vector<double> q_;
};
[[nodiscard]] std::unique_ptr<LabProblem> lifted_problem(std::vector<ScalarInstance> instances, Index cols,
                                                         std::uint64_t seed);

}  // namespace normdescent::lab
