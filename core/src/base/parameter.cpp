// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/parameter.hpp"

#include <functional>
#include <numeric>

#include "normdescent/base/bfloat16.hpp"

namespace normdescent {

const char* to_string(Role role) {
  switch (role) {
    case Role::matrix: return "matrix";
    case Role::embedding: return "embedding";
    case Role::head: return "head";
    case Role::vector: return "vector";
  }
  return "unknown";
}

Index ParameterInfo::size() const { return std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies<>()); }

Index ParameterInfo::rows() const { return shape.empty() ? 1 : shape.front(); }

Index ParameterInfo::cols() const {
  return shape.empty() ? 1 : std::accumulate(shape.begin() + 1, shape.end(), Index{1}, std::multiplies<>());
}

template <class T>
ParameterBuffer<T>::ParameterBuffer(const std::vector<ParameterInfo>& infos) {
  std::size_t total = 0;
  for (const auto& info : infos) total += static_cast<std::size_t>(info.size());
  values_.resize(total);
  gradients_.resize(total);
  parameters_.reserve(infos.size());
  std::size_t offset = 0;
  for (const auto& info : infos) {
    const auto size = static_cast<std::size_t>(info.size());
    parameters_.push_back(
        {info, std::span(values_).subspan(offset, size), std::span(gradients_).subspan(offset, size)});
    offset += size;
  }
}

template class ParameterBuffer<Bfloat16>;
template class ParameterBuffer<float>;
template class ParameterBuffer<double>;

}  // namespace normdescent
