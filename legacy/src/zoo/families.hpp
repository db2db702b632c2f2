// SPDX-License-Identifier: Apache-2.0
// The zoo's list, one function a family of problems.
#pragma once

#include <vector>

#include "normdescent/zoo/zoo.hpp"

namespace normdescent {

[[nodiscard]] std::vector<ZooProblem> gpt_problems();
[[nodiscard]] std::vector<ZooProblem> language_problems();
[[nodiscard]] std::vector<ZooProblem> image_problems();
[[nodiscard]] std::vector<ZooProblem> vector_problems();
[[nodiscard]] std::vector<ZooProblem> fine_tuning_problems();

}  // namespace normdescent
