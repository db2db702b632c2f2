// SPDX-License-Identifier: Apache-2.0
#include "state_checks.hpp"

#include <stdexcept>

namespace normdescent::optimizers {

namespace {

std::string shape_text(const std::vector<Index>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

const StateTensor& require_tensor(const StateDict& state, const std::string& name, const char* dtype,
                                  const std::vector<Index>& shape, std::size_t bytes) {
  const auto found = state.tensors.find(name);
  if (found == state.tensors.end()) throw std::invalid_argument("optimizer state: tensor " + name + " is missing");
  const StateTensor& tensor = found->second;
  if (tensor.dtype != dtype || tensor.shape != shape || tensor.bytes.size() != bytes) {
    throw std::invalid_argument("optimizer state: tensor " + name + " = " + tensor.dtype + " " +
                                shape_text(tensor.shape) + " in " + std::to_string(tensor.bytes.size()) +
                                " bytes, must be " + dtype + " " + shape_text(shape));
  }
  return tensor;
}

std::string require_metadata(const StateDict& state, const char* key) {
  const auto found = state.metadata.find(key);
  if (found == state.metadata.end()) {
    throw std::invalid_argument(std::string("optimizer state: metadata ") + key + " is missing");
  }
  return found->second;
}

void require_equal(const StateDict& state, const char* key, const std::string& expected) {
  const std::string value = require_metadata(state, key);
  if (value != expected) {
    throw std::invalid_argument(std::string("optimizer state: ") + key + " = " + value + ", must be " + expected);
  }
}

}  // namespace normdescent::optimizers
