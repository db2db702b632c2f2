// SPDX-License-Identifier: Apache-2.0
// Gradient accumulation: mini-batches larger than memory.
#pragma once

#include <cstdint>
#include <memory>

#include "normdescent/training/problem.hpp"

namespace normdescent {

/// The same objective, evaluated on at most `micro_batch` >= 1 examples at a time:
///
///   f(B) = sum_i (|B_i| / |B|) f(B_i),  B_1, B_2, ... consecutive parts of the batch B
///
/// and likewise its gradient, summed in this order in float32: equal to the whole mini-batch's up to the order of
/// summation, and a function of (batch, micro_batch) alone. Memory: one more copy of the gradients.
[[nodiscard]] std::unique_ptr<Objective> accumulate(std::unique_ptr<Objective> objective, std::uint32_t micro_batch);

}  // namespace normdescent
