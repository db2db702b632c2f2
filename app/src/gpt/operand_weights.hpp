// SPDX-License-Identifier: Apache-2.0
// The parameters' values in the type of product operands: the values themselves, or a copy of them in bfloat16.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "loops.hpp"
#include "normdescent/base/parameter.hpp"

namespace normdescent::gpt {

template <class S>
class OperandWeights;

template <>
class OperandWeights<float> {
 public:
  explicit OperandWeights(std::span<const Parameter> /*parameters*/) {}

  /// What the products read for values that begin at `value`.
  [[nodiscard]] const float* at(const float* value) const { return value; }
  [[nodiscard]] std::span<Bfloat16* const> rounded_values() const { return {}; }
  void trust() {}
  void refresh() {}
};

template <>
class OperandWeights<Bfloat16> {
 public:
  /// `parameters`: values without gaps between them.
  explicit OperandWeights(std::span<const Parameter> parameters)
      : values_(parameters.front().value.data(), parameters.back().value.data() + parameters.back().value.size()),
        rounded_(values_.size()) {
    for (const Parameter& p : parameters) pointers_.push_back(rounded_.data() + (p.value.data() - values_.data()));
  }

  [[nodiscard]] const Bfloat16* at(const float* value) const { return rounded_.data() + (value - values_.data()); }
  [[nodiscard]] std::span<Bfloat16* const> rounded_values() const { return pointers_; }
  /// The next refresh() has nothing to do.
  void trust() { is_current_ = true; }
  void refresh() {
    if (!std::exchange(is_current_, false)) round_all(values_, rounded_.data());
  }

 private:
  std::span<const float> values_;
  std::vector<Bfloat16> rounded_;
  std::vector<Bfloat16*> pointers_;
  bool is_current_ = false;
};

}  // namespace normdescent::gpt
