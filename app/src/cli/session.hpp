// SPDX-License-Identifier: Apache-2.0
// What a command gets from the outside, so that tests and main hand it different streams.
#pragma once

#include <iosfwd>
#include <stop_token>
#include <string>
#include <vector>

namespace normdescent::cli {

/// Exit codes of the program (README).
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,    ///< a check or the work failed, or was interrupted
  kBadUsage = 2,  ///< wrong usage or bad input
};

struct Session {
  std::ostream& out;                     ///< results
  std::ostream& err;                     ///< progress and logs
  bool err_is_terminal = false;          ///< progress may rewrite its line
  std::string command_line{};            ///< as it was typed, for reports
  std::vector<std::string> arguments{};  ///< behind the program's name
  std::stop_token stop;                  ///< requested by Ctrl-C
};

}  // namespace normdescent::cli
