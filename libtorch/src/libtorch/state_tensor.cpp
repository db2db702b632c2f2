// SPDX-License-Identifier: Apache-2.0
#include "state_tensor.hpp"

#include <ATen/ATen.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace normdescent {

namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 5> kTypes{{
    {"F32", at::kFloat},
    {"F64", at::kDouble},
    {"BF16", at::kBFloat16},
    {"I64", at::kLong},
    {"U8", at::kByte},
}};

}  // namespace

at::Tensor to_torch_tensor(const StateTensor& state) {
  for (const auto& [name, type] : kTypes) {
    if (state.dtype != name) continue;
    at::Tensor tensor = at::empty(state.shape, type);
    if (tensor.nbytes() != state.bytes.size()) {
      throw std::invalid_argument("optimizer state: a tensor of " + tensor.toString() + " has " +
                                  std::to_string(state.bytes.size()) + " bytes, must have " +
                                  std::to_string(tensor.nbytes()));
    }
    std::memcpy(tensor.data_ptr(), state.bytes.data(), state.bytes.size());
    return tensor;
  }
  throw std::invalid_argument("optimizer state: dtype = " + state.dtype + ", must be F32, F64, BF16, I64 or U8");
}

StateTensor to_state_tensor(const at::Tensor& source) {
  const at::Tensor tensor = source.detach().to(at::kCPU).contiguous();
  for (const auto& [name, type] : kTypes) {
    if (tensor.scalar_type() != type) continue;
    StateTensor state{name, tensor.sizes().vec(), std::vector<std::byte>(tensor.nbytes())};
    std::memcpy(state.bytes.data(), tensor.data_ptr(), state.bytes.size());
    return state;
  }
  throw std::invalid_argument("optimizer state: tensor of type " + tensor.toString() + ", which no optimizer saves");
}

}  // namespace normdescent
