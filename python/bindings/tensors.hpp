// SPDX-License-Identifier: Apache-2.0
// Reads torch tensors without being linked to torch: by the table of C functions that torch.Tensor carries from 2.10 on
// (DLPack's exchange protocol), else by the tensor's own Python methods. Nothing is kept, nothing is copied.
#pragma once

#include <Python.h>

#include <array>
#include <cstdint>
#include <span>

#include "normdescent/base/view.hpp"

namespace normdescent::python {

enum class ElementType { float32, float64, bfloat16, other };

/// A dense tensor in the host's memory, as it lies there. The shape is valid while the tensor is.
struct TensorView {
  static constexpr int kMaxDimensions = 8;

  void* data = nullptr;
  ElementType type = ElementType::other;
  int dimensions = 0;
  std::array<std::int64_t, kMaxDimensions> shape{};
  std::array<std::int64_t, kMaxDimensions> strides{};  ///< in entries

  [[nodiscard]] Index size() const;
  /// Rows one after the other, without gaps.
  [[nodiscard]] bool is_contiguous() const;
  /// Every entry of one stretch of memory exactly once, in any order.
  [[nodiscard]] bool is_dense() const;
  [[nodiscard]] bool has_shape(std::span<const Index> other) const;
  /// The same entries at the same places, dimension by dimension.
  [[nodiscard]] bool has_layout_of(const TensorView& other) const;
};

/// False, without a Python exception, for whatever is no plain torch.Tensor or Parameter, dense and in the host's
/// memory: sparse or quantized ones, subclasses, other devices, more than eight dimensions.
[[nodiscard]] bool read_tensor(PyObject* object, TensorView& view);

/// dict[tensor], borrowed; null without an exception if it is not there. torch.Tensor's hash is id(), written in
/// Python: asked for it, the interpreter takes longer than for everything else here.
[[nodiscard]] PyObject* tensor_item(PyObject* dict, PyObject* tensor);

}  // namespace normdescent::python
