// SPDX-License-Identifier: Apache-2.0
#include "plan_executor.hpp"

#include <cmath>
#include <thread>
#include <utility>
#include <vector>

namespace normdescent {

PlanExecutor::PlanExecutor(Planner& planner, int threads, Make make, Ended ended, const std::stop_token& stop)
    : planner_(planner),
      threads_(threads),
      make_(std::move(make)),
      ended_(std::move(ended)),
      on_outer_stop_(stop, [this] { stop_.request_stop(); }) {}

void PlanExecutor::run() {
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads_; ++i) workers.emplace_back([this] { work(); });
  }
  if (error_) std::rethrow_exception(error_);
}

void PlanExecutor::work() {
  try {
    while (const auto run = wait_for_run()) {
      RunRecord record = make_(*run, stop_.get_token());
      const std::lock_guard lock(mutex_);
      tell(*run, record);
      ended_(*run, std::move(record));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
    stop_.request_stop();
  }
}

void PlanExecutor::tell(const PlannedRun& run, const RunRecord& record) {
  if (record.status == RunStatus::stopped) {  // a stopped run is no result: nothing is decided without it
    was_stopped_ = true;
    planner_.lost(run.id);
    return;
  }
  RunResult result{.diverged = record.status == RunStatus::diverged,
                   .first_loss = record.first_loss,
                   .final_loss = record.final_loss,
                   .curve_steps = {},
                   .curve_losses = {},
                   .seconds_per_step = record.seconds_per_step,
                   .gradients = record.steps_done,
                   .validation_batches = std::int64_t{run.evaluations} * planner_.options().validation_batches};
  for (const CurvePoint& point : record.curve) {
    if (std::isnan(point.validation_loss)) continue;
    result.curve_steps.push_back(static_cast<double>(point.step));
    result.curve_losses.push_back(point.validation_loss);
  }
  planner_.tell(run.id, result);
}

std::optional<PlannedRun> PlanExecutor::wait_for_run() {
  std::unique_lock lock(mutex_);
  std::optional<PlannedRun> run;
  changed_.wait(lock, stop_.get_token(), [&] {
    if (stop_.stop_requested()) return planner_.done();
    const std::vector<PlannedRun> asked = planner_.ask(1);
    if (!asked.empty()) run = asked.front();
    return run.has_value() || planner_.done();
  });
  return run;
}

}  // namespace normdescent
