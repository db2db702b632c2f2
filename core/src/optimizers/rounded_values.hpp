// SPDX-License-Identifier: Apache-2.0
// StepOptions::rounded_values: elementwise groups write theirs on their way, the others' are written here.
#pragma once

#include <cstddef>
#include <span>

#include "group.hpp"

namespace normdescent::optimizers {

/// Throws std::invalid_argument unless `rounded` is empty, or T is float and there is one for each parameter.
template <class T>
void check_rounded_values(std::span<Bfloat16* const> rounded, std::size_t parameters);

/// Rounds the values that no group has rounded.
template <class T>
void round_rest(std::span<const Fed<T>> fed, std::span<Bfloat16* const> rounded);

}  // namespace normdescent::optimizers
