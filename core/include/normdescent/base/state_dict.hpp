// SPDX-License-Identifier: Apache-2.0
// Named tensors and strings: what optimizers save and load, independent of any file format (io writes it as
// safetensors).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "normdescent/base/view.hpp"

namespace normdescent {

struct StateTensor {
  std::string dtype;  ///< "F32", "F64", "BF16", "I64", "U8": the names of safetensors
  std::vector<Index> shape;
  std::vector<std::byte> bytes;  ///< row-major, little-endian

  friend bool operator==(const StateTensor&, const StateTensor&) = default;
};

struct StateDict {
  std::map<std::string, StateTensor> tensors;
  std::map<std::string, std::string> metadata;

  friend bool operator==(const StateDict&, const StateDict&) = default;
};

}  // namespace normdescent
