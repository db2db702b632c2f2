// SPDX-License-Identifier: Apache-2.0
// The first and the last stage of a three-stage step.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "elementwise_group.hpp"
#include "estimators.hpp"

namespace normdescent::optimizers {

/// First stage: u = estimator(g) for a list of tensors in one parallel region. Raw costs nothing: there u is g itself.
template <class T, class E>
class EstimateStage {
 public:
  static constexpr bool kIsRaw = std::is_same_v<E, rules::Raw<T>>;

  EstimateStage(E estimator, std::size_t tensors, Index scratch) : estimator_(estimator) {
    if constexpr (!kIsRaw) {
      tasks_.reserve(tensors);
      scratch_.resize(static_cast<std::size_t>(scratch));
    }
  }

  void clear() {
    tasks_.clear();
    used_ = 0;
  }
  /// Plans one tensor and returns where its u will be after run().
  [[nodiscard]] std::span<const T> add(std::span<const T> g, Slot<T>& slot) {
    if constexpr (kIsRaw) {
      return g;
    } else {
      const std::span<T> u = std::span(scratch_).subspan(used_, g.size());
      used_ += g.size();
      tasks_.push_back(make_task<R, T>(R(estimator_), u.data(), g, slot));
      return u;
    }
  }
  void run() {
    if constexpr (!kIsRaw) rules::run_on_cpu<R>(tasks_);
  }

 private:
  // Raw has no EstimateRule to run; Ema only completes the type.
  using R = rules::EstimateRule<std::conditional_t<kIsRaw, rules::Ema<T>, E>>;

  E estimator_;
  std::vector<T> scratch_;
  std::size_t used_ = 0;
  std::vector<rules::Task<R>> tasks_;
};

/// Last stage: x <- (1 - eta lambda) x - eta s d.
template <class T, class Direction>
[[nodiscard]] auto make_apply_task(Direction direction, rules::Step<T> step, std::span<T> x, const T* d) {
  using R = rules::ElementwiseRule<rules::Raw<T>, Direction>;
  return rules::Task<R>{
      .rule = R(rules::Raw<T>{}, direction, step), .x = x.data(), .g = d, .size = static_cast<Index>(x.size())};
}

}  // namespace normdescent::optimizers
