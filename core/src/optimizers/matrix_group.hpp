// SPDX-License-Identifier: Apache-2.0
// Groups whose direction D takes matrices one by one:
//   D::reserve(shape)  once for every member    D::clear(), add(task) for the tensors of a pass, then run()
#pragma once

#include <omp.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "stages.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {

/// out = direction(u) for the matrices of one tensor, which lie one after the other.
template <class T>
struct TensorTask {
  const T* u;
  const T* g;  ///< the gradient that u estimates
  T* out;
  MatrixShape shape;
  Slot<T>* slot;
};

// Members of one shape stand together and are done as many at a time as fit into the scratch, so that matrices share
// the threads evenly.
template <class T, class E, class D>
class MatrixGroup final : public Group<T> {
 public:
  MatrixGroup(const Recipe& recipe, E estimator, D direction, std::vector<std::size_t> members, Index scratch)
      : recipe_(recipe),
        direction_(std::move(direction)),
        members_(std::move(members)),
        estimate_(estimator, members_.size(), scratch),
        directions_(static_cast<std::size_t>(scratch)) {
    moves_.reserve(members_.size());
  }

  void step(std::span<const Fed<T>> tensors, std::span<Slot<T>> slots, double learning_rate) override {
    std::size_t next = 0;
    while (next < members_.size()) {
      estimate_.clear();
      direction_.clear();
      moves_.clear();
      std::size_t used = 0;
      for (; next < members_.size(); ++next) {
        const std::size_t i = members_[next];
        const auto& p = tensors[i];
        if (p.gradient.empty()) continue;
        if (used + p.gradient.size() > directions_.size()) break;
        T* const out = directions_.data() + used;
        used += p.gradient.size();
        direction_.add({.u = estimate_.add(p.gradient, slots[i]).data(),
                        .g = p.gradient.data(),
                        .out = out,
                        .shape = matrix_shape(recipe_.layout, slots[i].info),
                        .slot = &slots[i]});
        const auto move = make_step<T>(recipe_, slots[i].info, learning_rate);
        moves_.push_back(make_apply_task<T>(rules::Identity<T>{}, move, p.value, out));
      }
      estimate_.run();
      direction_.run();
      rules::run_on_cpu(std::span<const Move>(moves_));
    }
  }

 private:
  using Move = decltype(make_apply_task<T>(rules::Identity<T>{}, std::declval<rules::Step<T>>(), std::span<T>{},
                                           static_cast<const T*>(nullptr)));

  Recipe recipe_;
  D direction_;
  std::vector<std::size_t> members_;
  EstimateStage<T, E> estimate_;
  std::vector<T> directions_;
  std::vector<Move> moves_;
};

inline void require_matrix(const Recipe& recipe, const ParameterInfo& info) {
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
  for (const std::size_t i : members) {
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
    return std::make_unique<MatrixGroup<T, E, D>>(recipe, estimator, std::move(direction), std::move(members), scratch);
  });
}

}  // namespace normdescent::optimizers
