// SPDX-License-Identifier: Apache-2.0
#include "matrix_group.hpp"

#include "axis_direction.hpp"
#include "normdescent/linalg/polar_solver.hpp"

namespace normdescent::optimizers {
namespace {

// What PolarSolver does, or an AxisDirection: anything that runs PolarTasks.
template <class T, class Solver>
class SolverDirection {
 public:
  explicit SolverDirection(Solver solver) : solver_(std::move(solver)) {}

  void reserve(const MatrixShape& shape) {
    solver_.reserve(shape.rows, shape.cols);
    matrices_ += static_cast<std::size_t>(shape.count);
    tasks_.reserve(matrices_);
  }
  void clear() { tasks_.clear(); }
  void add(const TensorTask<T>& task) {
    const auto [count, rows, cols] = task.shape;
    if constexpr (std::is_same_v<Solver, PolarSolver<T>>) task.slot->orthogonalizations += count;
    for (Index k = 0; k < count; ++k) {
      tasks_.push_back({{task.u + k * rows * cols, rows, cols}, {task.out + k * rows * cols, rows, cols}});
    }
  }
  void run() { solver_.run(tasks_); }

 private:
  Solver solver_;
  std::size_t matrices_ = 0;
  std::vector<PolarTask<T>> tasks_;
};

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_matrix_group(const Recipe& recipe, std::vector<std::size_t> members,
                                            std::span<const Slot<T>> slots) {
  const bool is_row = std::holds_alternative<RowNormalize>(recipe.direction);
  if (is_row || std::holds_alternative<ColumnNormalize>(recipe.direction)) {
    const AxisDirection<T> axis(is_row == (recipe.orientation == Orientation::out_in));
    return make_group_of<T>(recipe, SolverDirection<T, AxisDirection<T>>(axis), std::move(members), slots);
  }
  for (const std::size_t i : members) require_matrix(recipe, slots[i].info);
  const auto& d = std::get<Orthogonalize>(recipe.direction);
  PolarSolver<T> solver({.method = d.method, .steps = d.steps, .precision = d.precision});
  return make_group_of<T>(recipe, SolverDirection<T, PolarSolver<T>>(std::move(solver)), std::move(members), slots);
}

template std::unique_ptr<Group<float>> make_matrix_group(const Recipe&, std::vector<std::size_t>,
                                                         std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_matrix_group(const Recipe&, std::vector<std::size_t>,
                                                          std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
