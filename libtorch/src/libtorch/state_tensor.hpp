// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "normdescent/base/state_dict.hpp"

namespace normdescent {

/// A copy on the CPU. Throws std::invalid_argument for a type that no state has.
[[nodiscard]] StateTensor to_state_tensor(const at::Tensor& tensor);
/// A copy. Throws std::invalid_argument if type, shape and bytes do not fit each other.
[[nodiscard]] at::Tensor to_torch_tensor(const StateTensor& state);

}  // namespace normdescent
