// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "normdescent/base/parameter.hpp"

namespace normdescent::train_detail {

/// Norms of the whole gradient, all tensors as one vector.
struct GradientNorms {
  double l1 = 0.0;
  double l2 = 0.0;
  double linf = 0.0;
};

/// One read of the gradients by all threads, from blocks of fixed size: the number of threads changes no bit. NaN if an
/// entry is NaN: linf is finite if all of them are.
[[nodiscard]] GradientNorms gradient_norms(std::span<const Parameter> parameters);

}  // namespace normdescent::train_detail
