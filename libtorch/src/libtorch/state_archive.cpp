// SPDX-License-Identifier: Apache-2.0
// Names of entries may not hold dots, and those of parameters do: entries are numbered and carry their name as a value.
#include "state_archive.hpp"

#include <stdexcept>
#include <string>

#include "state_tensor.hpp"

namespace normdescent {

namespace {

c10::IValue require(torch::serialize::InputArchive& archive, const std::string& key) {
  c10::IValue value;
  if (!archive.try_read(key, value)) {
    throw std::invalid_argument("optimizer state: the archive has no entry " + key +
                                "; it was saved by something else");
  }
  return value;
}

}  // namespace

void write_state(torch::serialize::OutputArchive& archive, const StateDict& state) {
  archive.write("tensors", c10::IValue(static_cast<std::int64_t>(state.tensors.size())));
  archive.write("metadata", c10::IValue(static_cast<std::int64_t>(state.metadata.size())));
  std::size_t i = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const std::string key = "tensor_" + std::to_string(i++);
    archive.write(key + "_name", c10::IValue(name));
    archive.write(key, to_torch_tensor(tensor), /*is_buffer=*/true);
  }
  i = 0;
  for (const auto& [name, value] : state.metadata) {
    const std::string key = "metadata_" + std::to_string(i++);
    archive.write(key + "_name", c10::IValue(name));
    archive.write(key, c10::IValue(value));
  }
}

StateDict read_state(torch::serialize::InputArchive& archive) {
  StateDict state;
  const std::int64_t tensors = require(archive, "tensors").toInt();
  const std::int64_t metadata = require(archive, "metadata").toInt();
  for (std::int64_t i = 0; i < tensors; ++i) {
    const std::string key = "tensor_" + std::to_string(i);
    at::Tensor tensor;
    archive.read(key, tensor, /*is_buffer=*/true);
    state.tensors[require(archive, key + "_name").toStringRef()] = to_state_tensor(tensor);
  }
  for (std::int64_t i = 0; i < metadata; ++i) {
    const std::string key = "metadata_" + std::to_string(i);
    state.metadata[require(archive, key + "_name").toStringRef()] = require(archive, key).toStringRef();
  }
  return state;
}

}  // namespace normdescent
