// SPDX-License-Identifier: Apache-2.0
// Parameters as Python hands them over: a name, a role and a tensor each.
#pragma once

#include <string>
#include <vector>

#include "normdescent/torch/module_parameters.hpp"

namespace normdescent {

/// Throws std::invalid_argument for lists of different lengths and for a role that there is not.
[[nodiscard]] std::vector<ModuleParameter> named_parameters(const std::vector<std::string>& names,
                                                            const std::vector<std::string>& roles,
                                                            const std::vector<at::Tensor>& tensors);

}  // namespace normdescent
