// SPDX-License-Identifier: Apache-2.0
// A plan as JSON text and back.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plan.hpp"

namespace normdescent {

[[nodiscard]] std::string planner_state(const Plan& plan);

using MakePlan = Plan (*)(std::vector<Candidate>, PlannerOptions, const Policy&);
/// Runs that were under way are ready again. std::invalid_argument for text that is no state.
[[nodiscard]] Plan plan_from_state(std::string_view json, MakePlan make_plan);

}  // namespace normdescent
