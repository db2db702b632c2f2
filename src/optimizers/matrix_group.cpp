// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>
#include <string>

#include "normdescent/linalg/polar.hpp"
#include "normdescent/norms/norms.hpp"
#include "normdescent/rules/pieces.hpp"
#include "stages.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {
namespace {

// out = rows of u over their norms; blocks of rows are independent.
template <class T>
class RowDirection {
 public:
  explicit RowDirection(const RowNormalize& /*direction*/) {}

  void reserve(const ParameterInfo& /*info*/) {}

  void operator()(MatrixView<const T> u, MatrixView<T> out) {
    const Index rows = std::max<Index>(1, rules::kPieceElements / u.cols);
    const Index blocks = (u.rows + rows - 1) / rows;
#pragma omp parallel for schedule(static) if (blocks > 1)
    for (Index k = 0; k < blocks; ++k) {
      const Index first = k * rows;
      const Index count = std::min(rows, u.rows - first);
      RowWise{}.dual_unit(MatrixView<const T>{u.data + first * u.cols, count, u.cols},
                          MatrixView<T>{out.data + first * u.cols, count, u.cols});
    }
  }
};

// out = msign(u)
template <class T>
class PolarDirection {
 public:
  explicit PolarDirection(const Orthogonalize& direction) : direction_(direction) {}

  void reserve(const ParameterInfo& info) {
    if (direction_.method != "svd") workspace_.reserve(info.rows(), info.cols());
  }

  void operator()(MatrixView<const T> u, MatrixView<T> out) {
    polar<T>(direction_.method, direction_.steps, u, out, workspace_);
  }

 private:
  Orthogonalize direction_;
  PolarWorkspace<T> workspace_;
};

template <class T, class E, class D>
class MatrixGroup final : public Group<T> {
 public:
  MatrixGroup(const Recipe& recipe, E estimator, D direction, std::vector<std::size_t> members, Index largest)
      : recipe_(recipe),
        direction_(std::move(direction)),
        members_(std::move(members)),
        estimate_(estimator, 1, largest),
        direction_buffer_(static_cast<std::size_t>(largest)) {}

  void step(std::span<const BasicParameter<T>> parameters, std::span<Slot<T>> slots, double learning_rate) override {
    for (const std::size_t i : members_) {
      const auto& p = parameters[i];
      if (p.gradient.empty()) continue;
      const ParameterInfo& info = slots[i].info;
      estimate_.clear();
      const std::span<const T> u = estimate_.add(p.gradient, slots[i]);
      estimate_.run();
      direction_({u.data(), info.rows(), info.cols()}, {direction_buffer_.data(), info.rows(), info.cols()});
      const auto move = make_step<T>(recipe_, info, learning_rate);
      const auto task = make_apply_task<T>(rules::Identity<T>{}, move, p.value, direction_buffer_.data());
      rules::run_on_cpu(std::span(&task, 1));
    }
  }

 private:
  Recipe recipe_;
  D direction_;
  std::vector<std::size_t> members_;
  EstimateStage<T, E> estimate_;
  std::vector<T> direction_buffer_;
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
  Index largest = 0;
  for (const std::size_t i : members) {
    largest = std::max(largest, slots[i].info.size());
    direction.reserve(slots[i].info);
  }
  return with_estimator<T>(recipe.estimator, [&]<class E>(const E& estimator) -> std::unique_ptr<Group<T>> {
    return std::make_unique<MatrixGroup<T, E, D>>(recipe, estimator, std::move(direction), std::move(members), largest);
  });
}

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_matrix_group(const Recipe& recipe, std::vector<std::size_t> members,
                                            std::span<const Slot<T>> slots) {
  if (const auto* rows = std::get_if<RowNormalize>(&recipe.direction)) {
    return make_group_of<T>(recipe, RowDirection<T>(*rows), std::move(members), slots);
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
