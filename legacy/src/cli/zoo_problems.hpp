// SPDX-License-Identifier: Apache-2.0
// The zoo as the scoreboard takes it; empty where the program was built without LibTorch.
#pragma once

#include <string>
#include <vector>

#include "normdescent/scoreboard/run.hpp"

namespace normdescent::cli {

struct ListedProblem {
  RacedProblem raced;
  bool is_quick = false;
};

/// UserError where there is no zoo in this program.
[[nodiscard]] std::vector<ListedProblem> zoo_problems();

/// UserError with the nearest name if there is none of that name.
[[nodiscard]] RacedProblem zoo_problem_named(const std::string& name);

}  // namespace normdescent::cli
