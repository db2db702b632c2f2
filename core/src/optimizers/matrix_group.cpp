// SPDX-License-Identifier: Apache-2.0
#include "matrix_group.hpp"

#include "axis_direction.hpp"
#include "normdescent/base/first_failure.hpp"
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

template <class T>
class MapDirection {
 public:
  explicit MapDirection(std::shared_ptr<const TensorMap> map) : map_(std::move(map)) {}

  void reserve(const MatrixShape& shape) {
    matrices_ += static_cast<std::size_t>(shape.count);
    tasks_.reserve(matrices_);
  }
  void clear() { tasks_.clear(); }
  void add(const TensorTask<T>& task) {
    const auto [count, rows, cols] = task.shape;
    for (Index k = 0; k < count; ++k) {
      const Index at = k * rows * cols;
      tasks_.push_back(
          {{task.u + at, rows, cols}, {task.g + at, rows, cols}, {task.out + at, rows, cols}, task.slot->info});
    }
  }
  void run() {
    FirstFailure failure;
    const auto count = static_cast<Index>(tasks_.size());
#pragma omp parallel for schedule(dynamic, 1)
    for (Index i = 0; i < count; ++i) failure.guard([&] { map_->apply(tasks_[static_cast<std::size_t>(i)]); });
    failure.rethrow();
  }

 private:
  std::shared_ptr<const TensorMap> map_;
  std::size_t matrices_ = 0;
  std::vector<TensorMapTask<T>> tasks_;
};

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_axis_group(const Recipe& recipe, bool is_row, std::vector<std::size_t> members,
                                          std::span<const Slot<T>> slots) {
  const AxisDirection<T> axis(is_row == (recipe.orientation == Orientation::out_in));
  return make_group_of<T>(recipe, SolverDirection<T, AxisDirection<T>>(axis), std::move(members), slots);
}

template <class T>
std::unique_ptr<Group<T>> make_msign_group(const Recipe& recipe, const Orthogonalize& direction,
                                           std::vector<std::size_t> members, std::span<const Slot<T>> slots) {
  for (const std::size_t i : members) require_matrix(recipe, slots[i].info);
  PolarSolver<T> solver({.method = direction.method, .steps = direction.steps, .precision = direction.precision});
  return make_group_of<T>(recipe, SolverDirection<T, PolarSolver<T>>(std::move(solver)), std::move(members), slots);
}

template <class T>
std::unique_ptr<Group<T>> make_map_group(const Recipe& recipe, const MapTensor& direction,
                                         std::vector<std::size_t> members, std::span<const Slot<T>> slots) {
  return make_group_of<T>(recipe, MapDirection<T>(direction.map), std::move(members), slots);
}

#define NORMDESCENT_INSTANTIATE(T)                                                                                   \
  template std::unique_ptr<Group<T>> make_axis_group(const Recipe&, bool, std::vector<std::size_t>,                  \
                                                     std::span<const Slot<T>>);                                      \
  template std::unique_ptr<Group<T>> make_msign_group(const Recipe&, const Orthogonalize&, std::vector<std::size_t>, \
                                                      std::span<const Slot<T>>);                                     \
  template std::unique_ptr<Group<T>> make_map_group(const Recipe&, const MapTensor&, std::vector<std::size_t>,       \
                                                    std::span<const Slot<T>>)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(double);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent::optimizers
