// SPDX-License-Identifier: Apache-2.0
// Small lists of tensors with given values, for tests of optimizers.
#pragma once

#include <string>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {

/// One column vector "w" with value x and gradient g.
template <class T>
struct OneTensor {
  std::vector<T> x;
  std::vector<T> g;
  ParameterInfo info;
  std::vector<BasicParameter<T>> list;

  OneTensor(std::vector<T> x_, std::vector<T> g_, std::vector<Index> shape = {}, Role role = Role::vector)
      : x(std::move(x_)), g(std::move(g_)) {
    if (shape.empty()) shape = {static_cast<Index>(x.size())};
    info = {.name = "w", .shape = std::move(shape), .role = role};
    list = {{info, x, g}};
  }
  OneTensor(const OneTensor&) = delete;
  OneTensor& operator=(const OneTensor&) = delete;
};

/// A model in small: every role, odd sizes.
inline std::vector<ParameterInfo> small_model() {
  return {{.name = "embedding", .shape = {11, 4}, .role = Role::embedding},
          {.name = "layer.weight", .shape = {6, 4}, .role = Role::matrix},
          {.name = "layer.bias", .shape = {6}, .role = Role::vector},
          {.name = "convolution", .shape = {3, 2, 2, 2}, .role = Role::matrix},
          {.name = "head", .shape = {11, 4}, .role = Role::head}};
}

/// Standard normal entries that depend on (seed, stream) only.
template <class T>
void fill_normal(std::span<T> values, std::uint64_t seed, std::uint64_t stream = 0) {
  Philox random(seed, stream);
  for (T& value : values) value = static_cast<T>(random.normal());
}

template <class T>
std::vector<T> copy(std::span<T> values) {
  return {values.begin(), values.end()};
}

}  // namespace normdescent
