// SPDX-License-Identifier: Apache-2.0
// The zoo: small real training problems by name, for races and for judging predictions. docs/zoo.md lists them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "normdescent/training/problem.hpp"

namespace normdescent {

struct ZooProblem {
  std::string name;
  std::string family;   ///< "gpt", "recurrent", "bigram", ...: what leave-one-out may want to leave out as a whole
  std::string summary;  ///< what differs from its neighbours, and why that may matter
  std::uint32_t batch_size = 1;  ///< examples
  std::int64_t steps = 0;        ///< horizon of its races
  bool is_quick = false;         ///< part of the quick scoreboard
  /// Reads or draws the data and, for fine-tuning, trains the starting state: up to a few seconds. Thread-safe; every
  /// call gives the same problem, whose name() is the zoo's with a hash of the data. UserError where the text that it
  /// reads is not on this machine.
  std::function<std::shared_ptr<const Problem>()> make;
};

/// All problems, families together.
[[nodiscard]] std::span<const ZooProblem> zoo();

/// UserError with the nearest name if there is none of that name.
[[nodiscard]] const ZooProblem& zoo_problem(std::string_view name);

}  // namespace normdescent
