// SPDX-License-Identifier: Apache-2.0
// Which recipe a parameter gets. First matching route wins; what no route matches gets the fallback.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/optimizers/recipe.hpp"

namespace normdescent {

/// Matches parameters by role, by name (glob with * and ?), or both.
struct Route {
  std::optional<Role> role;
  std::string name_glob = "*";
  Recipe recipe;

  [[nodiscard]] bool matches(const ParameterInfo& parameter) const;
};

/// A complete optimizer: its name and what it does with each parameter. Immutable value; state lives in Optimizer.
struct OptimizerSpec {
  std::string name;
  std::vector<Route> routes;
  Recipe fallback;

  [[nodiscard]] const Recipe& recipe_for(const ParameterInfo& parameter) const;
  /// The same optimizer in which the parameters of that name, where a route for every name would have taken them, are
  /// made of several matrices: with_layout("*.attn.qkv", {.row_blocks = 3}).
  [[nodiscard]] OptimizerSpec with_layout(const std::string& name_glob, const MatrixLayout& layout) const;
  /// The same optimizer with every recipe's learning rate multiplied by `factor`.
  [[nodiscard]] OptimizerSpec with_learning_rate_scaled(double factor) const;
};

}  // namespace normdescent
