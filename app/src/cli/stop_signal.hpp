// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, a request to end and a terminal that goes away as a std::stop_token: the work ends at its next step and keeps
// what it measured.
#pragma once

#include <stop_token>
#include <thread>

namespace normdescent::cli {

/// While it lives, the first SIGINT, SIGTERM or SIGHUP (unless hang-ups are ignored, as under nohup) requests a stop
/// and says so on standard error; the second one ends the process at once with exit code 1. Writing into a pipe that
/// nobody reads fails instead of ending the process. Make it before any other thread: threads inherit the blocked
/// signals.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal();

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace normdescent::cli
