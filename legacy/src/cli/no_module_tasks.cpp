// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/user_error.hpp"
#include "problem_task.hpp"

namespace normdescent::cli {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw UserError(what + " needs LibTorch, which this program was built without",
                  "build with a torch wheel of 2.7 or newer; ./run does both");
}

}  // namespace

ProblemTask make_zoo_task(const ProblemOptions& options) { refuse("--problem " + options.zoo); }
ProblemTask make_table_task(const ProblemOptions&) { refuse("--task classify"); }

}  // namespace normdescent::cli
