// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/serialize/archive.h>

#include "normdescent/base/state_dict.hpp"

namespace normdescent {

/// A StateDict inside the archives of torch::save and torch::load.
void write_state(torch::serialize::OutputArchive& archive, const StateDict& state);
/// Throws std::invalid_argument if the archive holds no such state.
[[nodiscard]] StateDict read_state(torch::serialize::InputArchive& archive);

}  // namespace normdescent
