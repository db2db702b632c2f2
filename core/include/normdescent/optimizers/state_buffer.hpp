// SPDX-License-Identifier: Apache-2.0
// What an optimizer keeps between steps, as a description: whoever keeps it allocates by this.
#pragma once

#include <string>
#include <vector>

#include "normdescent/optimizers/recipe.hpp"

namespace normdescent {

/// One state buffer of one parameter, all 0 before the first step.
struct StateBuffer {
  std::string name;
  std::vector<Index> shape;
  bool is_nonnegative = false;  ///< squares and norms: a negative entry was never written by a step
  StateFormat format = StateFormat::full;

  [[nodiscard]] Index size() const {
    Index product = 1;
    for (const Index extent : shape) product *= extent;
    return product;
  }
};

}  // namespace normdescent
