// SPDX-License-Identifier: Apache-2.0
// Runs the whole program inside the test: what it prints and its exit code.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "program.hpp"

namespace normdescent::cli {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Ran run(const Arguments& arguments, std::stop_token stop = {}) {
  std::ostringstream out;
  std::ostringstream err;
  Session session{
      .out = out, .err = err, .err_is_terminal = false, .command_line = {}, .arguments = {}, .stop = std::move(stop)};
  const int code = run_program(arguments, session);
  return {code, out.str(), err.str()};
}

}  // namespace normdescent::cli
