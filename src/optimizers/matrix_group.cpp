// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "axis_direction.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "stages.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {
namespace {

// out = msign(u)
template <class T>
class PolarDirection {
 public:
  static constexpr bool is_orthogonalization = true;

  explicit PolarDirection(const Orthogonalize& d)
      : solver_({.method = d.method, .steps = d.steps, .precision = d.precision}) {}

  void reserve(const MatrixShape& shape) { solver_.reserve(shape.rows, shape.cols); }
  void run(std::span<const PolarTask<T>> tasks) { solver_.run(tasks); }

 private:
  PolarSolver<T> solver_;
};

// Members of one shape stand together and are done as many at a time as fit into the scratch, so that matrices share
// the threads evenly.
template <class T, class E, class D>
class MatrixGroup final : public Group<T> {
 public:
  MatrixGroup(const Recipe& recipe, E estimator, D direction, std::vector<std::size_t> members, Index scratch,
              std::size_t matrices)
      : recipe_(recipe),
        direction_(std::move(direction)),
        members_(std::move(members)),
        estimate_(estimator, members_.size(), scratch),
        directions_(static_cast<std::size_t>(scratch)) {
    tasks_.reserve(matrices);
    moves_.reserve(members_.size());
  }

  void step(std::span<const BasicParameter<T>> parameters, std::span<Slot<T>> slots, double learning_rate) override {
    std::size_t next = 0;
    while (next < members_.size()) {
      estimate_.clear();
      tasks_.clear();
      moves_.clear();
      std::size_t used = 0;
      for (; next < members_.size(); ++next) {
        const std::size_t i = members_[next];
        const auto& p = parameters[i];
        if (p.gradient.empty()) continue;
        if (used + p.gradient.size() > directions_.size()) break;
        T* const out = directions_.data() + used;
        used += p.gradient.size();
        const MatrixShape shape = matrix_shape(recipe_.layout, slots[i].info);
        add_tasks(estimate_.add(p.gradient, slots[i]).data(), out, shape);
        if constexpr (D::is_orthogonalization) slots[i].orthogonalizations += shape.count;
        const auto move = make_step<T>(recipe_, slots[i].info, learning_rate);
        moves_.push_back(make_apply_task<T>(rules::Identity<T>{}, move, p.value, out));
      }
      estimate_.run();
      direction_.run(tasks_);
      rules::run_on_cpu(std::span<const Move>(moves_));
    }
  }

 private:
  using Move = decltype(make_apply_task<T>(rules::Identity<T>{}, std::declval<rules::Step<T>>(), std::span<T>{},
                                           static_cast<const T*>(nullptr)));

  void add_tasks(const T* u, T* out, const MatrixShape& shape) {
    const Index size = shape.rows * shape.cols;
    for (Index k = 0; k < shape.count; ++k) {
      tasks_.push_back({{u + k * size, shape.rows, shape.cols}, {out + k * size, shape.rows, shape.cols}});
    }
  }

  Recipe recipe_;
  D direction_;
  std::vector<std::size_t> members_;
  EstimateStage<T, E> estimate_;
  std::vector<T> directions_;
  std::vector<PolarTask<T>> tasks_;
  std::vector<Move> moves_;
};

void require_matrix(const Recipe& recipe, const ParameterInfo& info) {
  if (info.shape.size() < 2) {
    throw std::invalid_argument("parameter " + info.name + ": " + std::to_string(info.shape.size()) +
                                " dimensions, must be at least 2 for " + describe(recipe.direction));
  }
}

template <class T, class D>
std::unique_ptr<Group<T>> make_group_of(const Recipe& recipe, D direction, std::vector<std::size_t> members,
                                        std::span<const Slot<T>> slots) {
  const auto shape_of = [&](std::size_t i) { return matrix_shape(recipe.layout, slots[i].info); };
  Index largest = 0;
  Index total = 0;
  Index matrices = 0;
  for (const std::size_t i : members) {
    matrices += shape_of(i).count;
    largest = std::max(largest, slots[i].info.size());
    total += slots[i].info.size();
    direction.reserve(shape_of(i));
  }
  std::ranges::stable_sort(members, std::greater{}, [&](std::size_t i) {
    const MatrixShape shape = shape_of(i);
    return std::pair(shape.rows * shape.cols, shape.rows);
  });
  const Index scratch = std::min(total, omp_get_max_threads() * largest);
  return with_estimator<T>(recipe.estimator, [&]<class E>(const E& estimator) -> std::unique_ptr<Group<T>> {
    return std::make_unique<MatrixGroup<T, E, D>>(recipe, estimator, std::move(direction), std::move(members), scratch,
                                                  static_cast<std::size_t>(matrices));
  });
}

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_matrix_group(const Recipe& recipe, std::vector<std::size_t> members,
                                            std::span<const Slot<T>> slots) {
  const bool is_row = std::holds_alternative<RowNormalize>(recipe.direction);
  if (is_row || std::holds_alternative<ColumnNormalize>(recipe.direction)) {
    const AxisDirection<T> axis(is_row == (recipe.orientation == Orientation::out_in));
    return make_group_of<T>(recipe, axis, std::move(members), slots);
  }
  for (const std::size_t i : members) require_matrix(recipe, slots[i].info);
  return make_group_of<T>(recipe, PolarDirection<T>(std::get<Orthogonalize>(recipe.direction)), std::move(members),
                          slots);
}

template std::unique_ptr<Group<float>> make_matrix_group(const Recipe&, std::vector<std::size_t>,
                                                         std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_matrix_group(const Recipe&, std::vector<std::size_t>,
                                                          std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
