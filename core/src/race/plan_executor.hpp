// SPDX-License-Identifier: Apache-2.0
// Worker threads that make the runs a planner asks for.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "normdescent/race/planner.hpp"
#include "normdescent/race/race.hpp"

namespace normdescent {

class PlanExecutor {
 public:
  /// From several threads at a time.
  using Make = std::function<RunRecord(const PlannedRun& run, const std::stop_token& stop)>;
  /// After the planner was told; one at a time.
  using Ended = std::function<void(const PlannedRun& run, RunRecord record)>;

  PlanExecutor(Planner& planner, int threads, Make make, Ended ended, const std::stop_token& stop);

  /// Returns when all workers have ended; rethrows what one of them threw.
  void run();
  /// A run was stopped, or some are left.
  [[nodiscard]] bool was_stopped() const { return was_stopped_ || !planner_.done(); }

 private:
  void work();
  void tell(const PlannedRun& run, const RunRecord& record);
  std::optional<PlannedRun> wait_for_run();

  Planner& planner_;
  int threads_;
  Make make_;
  Ended ended_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_outer_stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool was_stopped_ = false;
  std::exception_ptr error_;
};

}  // namespace normdescent
