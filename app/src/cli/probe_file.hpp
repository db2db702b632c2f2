// SPDX-License-Identifier: Apache-2.0
// Constants of a problem from what `probe --json` or `compare --json` printed.
#pragma once

#include <string>

#include "normdescent/theory/evaluate_measured.hpp"

namespace normdescent::cli {

/// Noise is scaled from the probe's training mini-batch to one sample (B^(1/2)). Throws UserError naming file and key.
[[nodiscard]] MeasuredProblem read_probe_file(const std::string& path);

}  // namespace normdescent::cli
