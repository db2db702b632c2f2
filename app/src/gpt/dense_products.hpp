// SPDX-License-Identifier: Apache-2.0
// The three products of a dense layer.
#pragma once

#include <type_traits>

#include "product.hpp"

namespace normdescent::gpt {

template <class S>
constexpr Type kType = std::is_same_v<S, float> ? Type::float32 : Type::bfloat16;

struct DenseOptions {
  bool has_bias = false;
  Type out_type = Type::float32;
  Type dx_type = Type::float32;
};

/// y = x W^T + b and its two gradients, for N rows. S is the type of the operands.
template <class S>
struct DenseProducts {
  DenseProducts(Index n, Index in, Index out, const DenseOptions& options)
      : forward(Layout::rows(n, in, kType<S>), Layout::rows(out, in, kType<S>).transposed(),
                Layout::rows(n, out, options.out_type), {.has_bias = options.has_bias}),
        dx(Layout::rows(n, out, kType<S>), Layout::rows(out, in, kType<S>), Layout::rows(n, in, options.dx_type)),
        dw(Layout::rows(n, out, kType<S>).transposed(), Layout::rows(n, in, kType<S>),
           Layout::rows(out, in, Type::float32)) {}
  Product forward;
  Product dx;
  Product dw;
};

}  // namespace normdescent::gpt
