// SPDX-License-Identifier: Apache-2.0
// Which run comes next: every contestant is a search followed by final runs, all of them progress side by side.
// Not thread-safe; race() guards it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "normdescent/race/learning_rate_search.hpp"
#include "normdescent/race/race.hpp"
#include "race_run.hpp"

namespace normdescent {

class RaceSchedule {
 public:
  RaceSchedule(std::span<const Contestant> contestants, const RaceOptions& options);

  struct Ticket {
    std::size_t contestant = 0;
    SearchRun search;      ///< of a search run
    int final_number = 0;  ///< of a final run
    RaceRun run;
  };
  /// A run that can start now; empty if all others wait for runs under way, or nothing is left. Searches go before
  /// final runs, and among them the one with the fewest runs done, so that final runs are left to fill the cores at the
  /// end.
  [[nodiscard]] std::optional<Ticket> take();
  void finish(const Ticket& ticket, RunRecord record);

  /// Nothing is left to take and nothing is under way.
  [[nodiscard]] bool is_done() const;
  /// Every contestant's search and final runs ended by themselves.
  [[nodiscard]] bool is_complete() const { return is_done() && !was_stopped_; }
  [[nodiscard]] int runs_done() const;
  /// Runs done and to come; a guess while searches last.
  [[nodiscard]] int runs_planned() const;
  /// Records and decisions so far, sorted; statistics are not filled in.
  [[nodiscard]] std::vector<ContestantResult> results() const;

 private:
  struct Progress {
    LearningRateSearch search;
    std::vector<Ticket> ready;  ///< taken from the back
    int under_way = 0;
    bool searches = true;
    std::vector<RunRecord> search_records;
    std::vector<RunRecord> final_records;
  };
  void refill(std::size_t index);

  std::span<const Contestant> contestants_;
  const RaceOptions& options_;
  std::vector<Progress> progress_;
  bool was_stopped_ = false;
};

}  // namespace normdescent
