// SPDX-License-Identifier: Apache-2.0
// What a saved state must hold. All throw std::invalid_argument "optimizer state: ..., must be ...".
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "domain.hpp"
#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/state_dict.hpp"

namespace normdescent::optimizers {

template <class T>
StateTensor to_tensor(const char* dtype, std::vector<Index> shape, std::span<const T> values) {
  StateTensor tensor{.dtype = dtype, .shape = std::move(shape), .bytes = {}};
  const auto bytes = std::as_bytes(values);
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

[[nodiscard]] const StateTensor& require_tensor(const StateDict& state, const std::string& name, const char* dtype,
                                                const std::vector<Index>& shape, std::size_t bytes);
[[nodiscard]] std::string require_metadata(const StateDict& state, const char* key);
void require_equal(const StateDict& state, const char* key, const std::string& expected);

inline float to_number(float x) { return x; }
inline double to_number(double x) { return x; }
inline float to_number(Bfloat16 x) { return to_float(x); }

/// Steps write neither NaN nor negative squares: what holds them is corrupt, and would poison the parameters.
template <class T>
void require_possible(const std::string& name, const StateTensor& tensor, bool is_nonnegative) {
  const std::size_t count = tensor.bytes.size() / sizeof(T);
  for (std::size_t i = 0; i < count; ++i) {
    T stored{};
    std::memcpy(&stored, tensor.bytes.data() + i * sizeof(T), sizeof(T));
    const auto value = to_number(stored);
    if (!std::isnan(value) && !(is_nonnegative && value < 0)) continue;
    throw std::invalid_argument("optimizer state: " + name + "[" + std::to_string(i) +
                                "] = " + to_text(static_cast<double>(value)) + ", must be " +
                                (is_nonnegative ? ">= 0" : "a number"));
  }
}

}  // namespace normdescent::optimizers
