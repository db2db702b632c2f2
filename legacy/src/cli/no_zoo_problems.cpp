// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/user_error.hpp"
#include "zoo_problems.hpp"

namespace normdescent::cli {

namespace {

[[noreturn]] void throw_no_zoo() {
  throw UserError("the problems of the zoo need LibTorch, which this program was built without",
                  "build with a torch wheel of 2.7 or newer, as ./run does; --judge and --fit work without");
}

}  // namespace

std::vector<ListedProblem> zoo_problems() { throw_no_zoo(); }
RacedProblem zoo_problem_named(const std::string&) { throw_no_zoo(); }

}  // namespace normdescent::cli
