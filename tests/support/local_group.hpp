// SPDX-License-Identifier: Apache-2.0
// Threads of one process as ranks: the reference twin of groups of processes. Sums run in the order of the ranks.
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "normdescent/distributed/process_group.hpp"

namespace normdescent {

/// Calls work(group) in `size` threads, one a rank, and returns when all have ended: what each of them threw, null if
/// nothing. A rank that throws or returns ends the others' operations at once.
std::vector<std::exception_ptr> run_ranks(int size, const std::function<void(ProcessGroup&)>& work,
                                          std::chrono::milliseconds timeout = kDefaultProcessTimeout);

}  // namespace normdescent
