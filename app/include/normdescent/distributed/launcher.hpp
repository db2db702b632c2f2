// SPDX-License-Identifier: Apache-2.0
// Starts the processes of a run on this machine and watches over them.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace normdescent {

struct LaunchReport {
  int exit_code = 0;     ///< 0, or that of the first process that failed (1 for a signal)
  int failed_rank = -1;  ///< that process
  std::string reason{};  ///< what no rank can say of itself: "rank 2 was ended by signal 9 (Killed)"; else empty
};

struct LaunchOptions {
  int processes = 1;
  std::vector<std::string> arguments;  ///< of this program, without its name
  /// After a first failure the others may still say why they end; then they are ended by SIGKILL.
  std::chrono::milliseconds grace = std::chrono::seconds(5);
  /// Told the process id of each rank when it has been started.
  std::function<void(int rank, int process)> on_start = [](int, int) {};
};

/// Starts this program `processes` times with the variables of environment.hpp. Ranks above 0 write their standard
/// output nowhere. A stop request is passed on as SIGTERM. If this process dies, so do they.
/// Not after threads have been started that hold locks. UserError where has_c10d() is false or a process cannot start.
LaunchReport launch_processes(const LaunchOptions& options, const std::stop_token& stop = {});

}  // namespace normdescent
