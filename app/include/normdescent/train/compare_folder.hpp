// SPDX-License-Identifier: Apache-2.0
// `compare` with its results in a run folder.
#pragma once

#include <stop_token>

#include "normdescent/compare/compare.hpp"
#include "normdescent/train/run_folder.hpp"

namespace normdescent {

/// compare(), writing into `folder` as it goes: result.json at every update ("complete": true at the end);
/// runs/<contestant>-lr<rate>-seed<seed>/metrics.jsonl for every run. UserError where a file cannot be written; what
/// was written before stays. Events go on to `observer`.
[[nodiscard]] CompareResult compare_into(const RunFolder& folder, const Problem& problem, const TaskDescription& task,
                                         const CompareOptions& options, CompareObserver& observer,
                                         const std::stop_token& stop = {});

}  // namespace normdescent
