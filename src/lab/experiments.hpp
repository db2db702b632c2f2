// SPDX-License-Identifier: Apache-2.0
// The experiments, one file each, and the table that names them.
#pragma once

#include <vector>

#include "normdescent/lab/experiment.hpp"

namespace normdescent::lab {

ExperimentResult toy_deterministic(const ExperimentOptions& options);
ExperimentResult toy_sparse_noise(const ExperimentOptions& options);

[[nodiscard]] std::vector<ExperimentInfo> make_experiments();

}  // namespace normdescent::lab
