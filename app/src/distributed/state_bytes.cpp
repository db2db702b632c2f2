// SPDX-License-Identifier: Apache-2.0
#include "state_bytes.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include "normdescent/distributed/process_group.hpp"

namespace normdescent::distributed {

namespace {

class Writer {
 public:
  void number(std::uint64_t value) { bytes(std::as_bytes(std::span(&value, 1))); }
  void block(std::span<const std::byte> block) {
    number(block.size());
    bytes(block);
  }
  std::vector<std::byte> out;

 private:
  void bytes(std::span<const std::byte> some) { out.insert(out.end(), some.begin(), some.end()); }
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> message) : rest_(message) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    std::memcpy(&value, take(sizeof(value)).data(), sizeof(value));
    return value;
  }
  std::span<const std::byte> block() { return take(number()); }
  std::string text() {
    const auto bytes = block();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > rest_.size()) throw ProcessGroupError("a rank's message about its state ends early");
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::span<const std::byte> rest_;
};

}  // namespace

std::vector<std::byte> to_bytes(const StateDict& state) {
  Writer writer;
  writer.number(state.tensors.size());
  for (const auto& [name, tensor] : state.tensors) {
    writer.block(std::as_bytes(std::span(name)));
    writer.block(std::as_bytes(std::span(tensor.dtype)));
    writer.block(std::as_bytes(std::span(tensor.shape)));
    writer.block(tensor.bytes);
  }
  return std::move(writer.out);
}

void add_tensors(std::span<const std::byte> message, StateDict& state) {
  Reader reader(message);
  for (std::uint64_t left = reader.number(); left > 0; --left) {
    std::string name = reader.text();
    StateTensor tensor{.dtype = reader.text(), .shape = {}, .bytes = {}};
    const auto shape = reader.block();
    tensor.shape.resize(shape.size() / sizeof(Index));
    if (!shape.empty()) std::memcpy(tensor.shape.data(), shape.data(), tensor.shape.size() * sizeof(Index));
    const auto bytes = reader.block();
    tensor.bytes.assign(bytes.begin(), bytes.end());
    state.tensors[std::move(name)] = std::move(tensor);
  }
}

}  // namespace normdescent::distributed
