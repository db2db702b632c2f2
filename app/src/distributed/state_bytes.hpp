// SPDX-License-Identifier: Apache-2.0
// The tensors of a StateDict as one message between ranks of one program. No file format: io has that.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "normdescent/base/state_dict.hpp"

namespace normdescent::distributed {

[[nodiscard]] std::vector<std::byte> to_bytes(const StateDict& state);
/// Adds the tensors of a message. ProcessGroupError if it is none.
void add_tensors(std::span<const std::byte> message, StateDict& state);

}  // namespace normdescent::distributed
