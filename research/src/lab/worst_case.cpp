// SPDX-License-Identifier: Apache-2.0
#include "worst_case.hpp"

#include <cmath>

namespace normdescent::lab {

std::vector<InstanceBudget> sgd_budgets(const WorstCase& s) {
  const std::size_t d = s.sigma.size();
  const auto size = static_cast<double>(d);
  std::vector<InstanceBudget> out;
  if (s.sigma[0] == 0.0) {
    for (std::size_t i = 0; i < d; ++i) {
      out.push_back({kWorstCaseSmoothness / 2 * (1 / size + (i == 0 ? 1.0 : 0.0)), kWorstCaseGap / size, 0.0, s.tail});
    }
    return out;
  }
  double sum = 0.0;
  for (const double v : s.sigma) sum += std::pow(v, s.tail);
  for (const double v : s.sigma) {
    if (v == 0.0) continue;
    const double share = std::pow(v, s.tail) / sum;
    out.push_back({kWorstCaseSmoothness / 2 * share, kWorstCaseGap / 2 * share, v, s.tail});
  }
  for (std::size_t i = 0; i < d / 2; ++i)
    out.push_back({kWorstCaseSmoothness / size, kWorstCaseGap / size, 0.0, s.tail});
  return out;
}

std::vector<ScalarInstance> sgd_instances(const std::vector<InstanceBudget>& budgets, double rate, double steps) {
  std::vector<ScalarInstance> out;
  for (const auto& b : budgets) out.push_back(sgd_instance(b, rate, steps));
  return out;
}

namespace {

/// Sum of what the coordinates resist; runs of equal coordinates are built once.
double promised(const std::vector<InstanceBudget>& budgets, double rate, double steps) {
  double sum = 0.0;
  double last = 0.0;
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    if (i == 0 || budgets[i] != budgets[i - 1]) last = sgd_instance(budgets[i], rate, steps).resisted;
    sum += last;
  }
  return sum;
}

}  // namespace

std::optional<double> resisted_horizon(const std::vector<InstanceBudget>& budgets, double rate, double epsilon) {
  double low = 1.0;
  double high = 1e8;
  if (promised(budgets, rate, high) >= epsilon) return std::nullopt;
  if (promised(budgets, rate, low) < epsilon) return 0.0;
  while (high / low > 1.001) {
    const double middle = std::sqrt(low * high);
    (promised(budgets, rate, middle) >= epsilon ? low : high) = middle;
  }
  return low;
}

}  // namespace normdescent::lab
