// SPDX-License-Identifier: Apache-2.0
// What an optimizer, a probe and a race know of a model: named tensors with a role, their values and their gradients.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// What a tensor is in its model; routing (which rule a parameter gets) reads this.
enum class Role {
  matrix,     ///< hidden weight with at least two dimensions
  embedding,  ///< lookup table, also when tied to the output head
  head,       ///< output layer that is not tied
  vector,     ///< bias, gain: anything with fewer than two dimensions
};

[[nodiscard]] const char* to_string(Role role);

/// Name, shape and role of one tensor.
struct ParameterInfo {
  std::string name;
  std::vector<Index> shape;
  Role role = Role::vector;

  [[nodiscard]] Index size() const;
  /// Rows of the matrix that matrix rules see: the first dimension (fan-out); 1-D tensors are columns.
  [[nodiscard]] Index rows() const;
  /// All further dimensions together (fan-in; for a convolution in * kh * kw).
  [[nodiscard]] Index cols() const;
};

/// One tensor with its storage. An empty `gradient` means "no gradient this step": the tensor is skipped.
template <class T>
struct BasicParameter {
  ParameterInfo info;
  std::span<T> value;
  std::span<T> gradient;

  [[nodiscard]] MatrixView<T> value_matrix() const { return {value.data(), info.rows(), info.cols()}; }
  [[nodiscard]] MatrixView<T> gradient_matrix() const { return {gradient.data(), info.rows(), info.cols()}; }
};

using Parameter = BasicParameter<float>;

/// Total number of coordinates.
template <class T>
[[nodiscard]] Index dimension(std::span<const BasicParameter<T>> parameters) {
  Index total = 0;
  for (const auto& p : parameters) total += static_cast<Index>(p.value.size());
  return total;
}

/// Owns values and gradients of a list of tensors in two flat buffers, in order and without gaps.
template <class T>
class ParameterBuffer {
 public:
  explicit ParameterBuffer(const std::vector<ParameterInfo>& infos);
  ParameterBuffer(const ParameterBuffer&) = delete;
  ParameterBuffer& operator=(const ParameterBuffer&) = delete;

  [[nodiscard]] std::span<const BasicParameter<T>> parameters() const { return parameters_; }
  [[nodiscard]] std::span<T> values() { return values_; }
  [[nodiscard]] std::span<T> gradients() { return gradients_; }

 private:
  std::vector<T> values_;
  std::vector<T> gradients_;
  std::vector<BasicParameter<T>> parameters_;
};

}  // namespace normdescent
