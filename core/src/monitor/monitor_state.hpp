// SPDX-License-Identifier: Apache-2.0
// Vectors as tensors of a monitor's state, and back with checks.
#pragma once

#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/state_dict.hpp"

namespace normdescent::probe_detail {

template <class T>
StateTensor to_tensor(const char* dtype, std::vector<Index> shape, const std::vector<T>& values) {
  StateTensor tensor{.dtype = dtype, .shape = std::move(shape), .bytes = {}};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

/// std::invalid_argument "monitor state: NAME must be DOMAIN" unless it `holds`.
inline void require(bool holds, const char* name, const std::string& domain) {
  if (!holds) throw std::invalid_argument(std::string("monitor state: ") + name + " must be " + domain);
}

template <class T>
std::vector<T> from_tensor(const StateDict& state, const char* name, const char* dtype) {
  const auto found = state.tensors.find(name);
  require(found != state.tensors.end() && found->second.dtype == dtype && found->second.bytes.size() % sizeof(T) == 0,
          name, std::string("a tensor of ") + dtype);
  std::vector<T> values(found->second.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), found->second.bytes.data(), found->second.bytes.size());
  return values;
}

}  // namespace normdescent::probe_detail
