// SPDX-License-Identifier: Apache-2.0
#include "rounded_values.hpp"

#include <stdexcept>
#include <string>
#include <type_traits>

#include "normdescent/rules/pieces.hpp"

namespace normdescent::optimizers {
namespace {

[[noreturn]] void refuse(std::size_t arrays, const std::string& domain) {
  throw std::invalid_argument("rounded_values: " + std::to_string(arrays) + " arrays, must be " + domain);
}

}  // namespace

template <class T>
void check_rounded_values(std::span<Bfloat16* const> rounded, std::size_t parameters) {
  if (rounded.empty()) return;
  if (!std::is_same_v<T, float>) refuse(rounded.size(), "none for parameters in float64");
  if (rounded.size() == parameters) return;
  refuse(rounded.size(), "none or one for each of " + std::to_string(parameters) + " parameters");
}

template <class T>
void round_rest(std::span<const Fed<T>> fed, std::span<Bfloat16* const> rounded) {
  if constexpr (std::is_same_v<T, float>) {
    const auto is_left = [&](std::size_t i) { return rounded[i] != nullptr && fed[i].rounded == nullptr; };
    rules::for_each_piece(
        rounded.size(), [&](std::size_t i) { return is_left(i) ? static_cast<Index>(fed[i].value.size()) : 0; },
        [&](std::size_t i, Index first, Index count) {
          const std::span<const float> value = fed[i].value;
          round_to_nearest(value.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                           rounded[i] + first);
        });
  }
}

template void check_rounded_values<float>(std::span<Bfloat16* const>, std::size_t);
template void check_rounded_values<double>(std::span<Bfloat16* const>, std::size_t);
template void round_rest(std::span<const Fed<float>>, std::span<Bfloat16* const>);
template void round_rest(std::span<const Fed<double>>, std::span<Bfloat16* const>);

}  // namespace normdescent::optimizers
