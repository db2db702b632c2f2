// SPDX-License-Identifier: Apache-2.0
// The worst instances of SGD for a noise vector, step size and horizon, as the scaling experiments use them.
#pragma once

#include <optional>
#include <vector>

#include "normdescent/lab/instances.hpp"

namespace normdescent::lab {

inline constexpr double kWorstCaseSmoothness = 1.0;  ///< L_inf, or L_* of the lift
inline constexpr double kWorstCaseGap = 1.0;         ///< Delta

struct WorstCase {
  std::vector<double> sigma;  ///< one entry a coordinate (singular direction of the lift)
  double tail = 2.0;
  double epsilon = 0.1;
  double ratio = 1.0;  ///< what the samples are plotted against: d, r or 1/phi
};

/// Without noise: half of the curvature on coordinate 0, which caps the step size, half on all equally (theory 5.6).
/// With noise: half of curvature and gap for d/2 quiet coordinates that drift, half for noise floors, L_i = L/2
/// sigma_i^p/||sigma||_p^p. A sum over two parts cannot be fast in both, and constants do not change with the density.
[[nodiscard]] std::vector<InstanceBudget> sgd_budgets(const WorstCase& s);

[[nodiscard]] std::vector<ScalarInstance> sgd_instances(const std::vector<InstanceBudget>& budgets, double rate,
                                                        double steps);

/// Largest horizon at which the instances of this step size still promise epsilon; empty if there is no end to it.
[[nodiscard]] std::optional<double> resisted_horizon(const std::vector<InstanceBudget>& budgets, double rate,
                                                     double epsilon);

}  // namespace normdescent::lab
