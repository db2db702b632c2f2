// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// GPT-2's initialisation of one tensor, by its name: weights and tables normal with deviation 0.02, weights that write
/// into the residual stream (c_proj) with 0.02 / sqrt(2 layers), biases 0, gains of layer norms 1.
/// A pure function of (seed, position of the tensor in the model, position in the tensor): independent of threads.
void initialize_gpt_tensor(std::string_view name, Index layers, std::uint64_t seed, std::uint64_t tensor_index,
                           std::span<float> values);

}  // namespace normdescent
