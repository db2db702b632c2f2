// SPDX-License-Identifier: Apache-2.0
// The experiments, one file each, and the table that names them.
#pragma once

#include <vector>

#include "normdescent/lab/experiment.hpp"

namespace normdescent::lab {

ExperimentResult toy_deterministic(const ExperimentOptions& options);
ExperimentResult toy_sparse_noise(const ExperimentOptions& options);
ExperimentResult signsgd_lower_bound(const ExperimentOptions& options);
ExperimentResult sgd_l1_lower_bound(const ExperimentOptions& options);
ExperimentResult muon_lower_bound(const ExperimentOptions& options);
ExperimentResult adagrad_lower_bound(const ExperimentOptions& options);
ExperimentResult dimension_scaling(const ExperimentOptions& options);
ExperimentResult density_scaling(const ExperimentOptions& options);
ExperimentResult epsilon_scaling(const ExperimentOptions& options);
ExperimentResult extrapolation_rate(const ExperimentOptions& options);
ExperimentResult variance_reduction_rate(const ExperimentOptions& options);
ExperimentResult muon_scaling(const ExperimentOptions& options);
ExperimentResult teeth(const ExperimentOptions& options);
ExperimentResult structure(const ExperimentOptions& options);

[[nodiscard]] std::vector<ExperimentInfo> make_experiments();

}  // namespace normdescent::lab
