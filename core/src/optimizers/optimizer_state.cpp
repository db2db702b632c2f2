// SPDX-License-Identifier: Apache-2.0
// Save and load. Tensors are "<parameter>/<slot>"; where the step count matters (Adam's bias correction) it is saved
// per parameter as "<parameter>/steps". The fingerprint covers what gives the state its meaning: every parameter's
// correction, estimator and direction, not learning rates and decays, which may change when a run is continued.
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "impl.hpp"
#include "overloaded.hpp"
#include "state_checks.hpp"

namespace normdescent {

using optimizers::counts_steps;
using optimizers::require_equal;
using optimizers::require_metadata;
using optimizers::require_possible;
using optimizers::require_tensor;
using optimizers::Slot;
using optimizers::to_tensor;

namespace {

constexpr const char* kFormatVersion = "1";

template <class T>
constexpr const char* kDtype = sizeof(T) == sizeof(float) ? "F32" : "F64";

void require_count(const std::string& name, const StateTensor& tensor, std::int64_t steps_done) {
  std::int64_t count = 0;
  std::memcpy(&count, tensor.bytes.data(), sizeof(count));
  if (count < 0 || count > steps_done) {
    throw std::invalid_argument("optimizer state: " + name + " = " + std::to_string(count) +
                                ", must be >= 0 and at most the optimizer's " + std::to_string(steps_done));
  }
}

constexpr const char* kNarrow = "BF16";

std::int64_t parse_count(const std::string& text) {
  std::int64_t count = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 0) {
    throw std::invalid_argument("optimizer state: steps = " + text + ", must be a whole number >= 0");
  }
  return count;
}

// 64-bit FNV-1a: short, and the same on every machine.
std::string hash_text(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  std::string digits(16, '0');
  for (std::size_t i = 0; i < 16; ++i) digits[15 - i] = "0123456789abcdef"[(hash >> (4 * i)) & 15U];
  return digits;
}

// One line if all parameters share a rule; otherwise the rule of each is hashed, since large models have many.
std::string fingerprint(const std::vector<const Recipe*>& recipes) {
  std::string all;
  bool is_uniform = true;
  const auto rule = [](const Recipe& r) {
    const bool is_corrected = !std::holds_alternative<Uncorrected>(r.correction);
    return (is_corrected ? describe(r.correction) + " " : "") + describe(r.estimator) + " " + describe(r.direction);
  };
  for (const Recipe* recipe : recipes) {
    is_uniform = is_uniform && rule(*recipe) == rule(*recipes.front());
    all += rule(*recipe) + "\n";
  }
  if (recipes.empty()) return "none";
  return is_uniform ? rule(*recipes.front()) : "per-parameter " + hash_text(all);
}

}  // namespace

template <class T>
StateDict Optimizer<T>::state() const {
  StateDict state;
  state.metadata = {{"optimizer", impl_->spec.name},
                    {"format_version", kFormatVersion},
                    {"steps", std::to_string(impl_->steps_done)},
                    {"recipe", fingerprint(impl_->recipes)}};
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) {
    const Slot<T>& slot = impl_->slots[i];
    if (slot.is_elsewhere) continue;
    for (std::size_t k = 0; k < slot.layout.size(); ++k) {
      const auto& layout = slot.layout[k];
      state.tensors[slot.info.name + "/" + layout.name] =
          layout.format == StateFormat::full
              ? to_tensor(kDtype<T>, layout.shape, std::span<const T>(slot.state[k]))
              : to_tensor(kNarrow, layout.shape, std::span<const Bfloat16>(slot.narrow_state[k]));
    }
    if (counts_steps(*impl_->recipes[i])) {
      state.tensors[slot.info.name + "/steps"] = to_tensor("I64", {}, std::span<const std::int64_t>(&slot.steps, 1));
    }
  }
  if (impl_->sharing == nullptr) return state;  // moved: it may be half of all memory
  return impl_->sharing->complete(std::move(state));
}

template <class T>
void Optimizer<T>::load_state(const StateDict& state) {
  require_equal(state, "format_version", kFormatVersion);
  require_equal(state, "optimizer", impl_->spec.name);
  require_equal(state, "recipe", fingerprint(impl_->recipes));
  const std::int64_t steps_done = parse_count(require_metadata(state, "steps"));

  // First everything is found and checked, then copied: nothing can fail half-way.
  std::vector<std::pair<const StateTensor*, std::span<std::byte>>> copies;
  std::vector<std::int64_t> parameter_steps(impl_->slots.size(), steps_done);
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) {
    Slot<T>& slot = impl_->slots[i];
    for (std::size_t k = 0; k < slot.layout.size(); ++k) {
      const auto& layout = slot.layout[k];
      const bool is_full = layout.format == StateFormat::full;
      const auto bytes = is_full ? std::as_writable_bytes(std::span(slot.state[k]))
                                 : std::as_writable_bytes(std::span(slot.narrow_state[k]));
      const std::string name = slot.info.name + "/" + layout.name;
      const std::size_t wanted = static_cast<std::size_t>(layout.size()) * (is_full ? sizeof(T) : sizeof(Bfloat16));
      const auto& tensor = require_tensor(state, name, is_full ? kDtype<T> : kNarrow, layout.shape, wanted);
      is_full ? require_possible<T>(name, tensor, layout.is_nonnegative)
              : require_possible<Bfloat16>(name, tensor, layout.is_nonnegative);
      copies.emplace_back(&tensor, bytes);
    }
    if (counts_steps(*impl_->recipes[i])) {
      const auto bytes = std::as_writable_bytes(std::span(parameter_steps).subspan(i, 1));
      const std::string name = slot.info.name + "/steps";
      const auto& tensor = require_tensor(state, name, "I64", {}, bytes.size());
      require_count(name, tensor, steps_done);
      copies.emplace_back(&tensor, bytes);
    }
  }
  if (copies.size() != state.tensors.size()) {
    throw std::invalid_argument("optimizer state: " + std::to_string(state.tensors.size()) + " tensors, must be " +
                                std::to_string(copies.size()));
  }
  for (const auto& [tensor, bytes] : copies) {
    if (!bytes.empty()) std::memcpy(bytes.data(), tensor->bytes.data(), bytes.size());  // empty: another process's
  }
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) impl_->slots[i].steps = parameter_steps[i];
  impl_->steps_done = steps_done;
}

template StateDict Optimizer<float>::state() const;
template StateDict Optimizer<double>::state() const;
template void Optimizer<float>::load_state(const StateDict&);
template void Optimizer<double>::load_state(const StateDict&);

}  // namespace normdescent
