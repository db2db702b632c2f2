// SPDX-License-Identifier: Apache-2.0
#include "zoo_problems.hpp"

#include "normdescent/zoo/zoo.hpp"

namespace normdescent::cli {

namespace {

RacedProblem raced(const ZooProblem& problem) {
  return {.name = problem.name, .family = problem.family, .steps = problem.steps, .make = problem.make};
}

}  // namespace

std::vector<ListedProblem> zoo_problems() {
  std::vector<ListedProblem> list;
  for (const ZooProblem& problem : zoo()) list.push_back({raced(problem), problem.is_quick});
  return list;
}

RacedProblem zoo_problem_named(const std::string& name) { return raced(zoo_problem(name)); }

}  // namespace normdescent::cli
