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
  friend bool operator==(const Route&, const Route&) = default;
};

/// What a step with a gradient that is not finite does, besides leaving everything as it was: nothing more (the next
/// step is taken as if this one had not been), or it ends the run (no later step changes anything).
enum class NonFinitePolicy { skip, stop };
[[nodiscard]] const char* to_string(NonFinitePolicy policy);

/// How results in float become the bfloat16 that parameters are stored in; see bfloat16_optimizer.hpp.
enum class Bfloat16Rounding {
  master,      ///< to nearest, from a float copy that is kept
  stochastic,  ///< up or down at random, unbiased, without a copy
};
[[nodiscard]] const char* to_string(Bfloat16Rounding rounding);

/// A complete optimizer: its name and what it does with each parameter. Immutable value; state lives in Optimizer.
struct OptimizerSpec {
  std::string name;
  std::vector<Route> routes;
  Recipe fallback;
  double clip_norm =
      0.0;  ///< c <- c min(1, clip_norm / ||c||_2) over all tensors, after Recipe::clip_norm; 0: not at all
  NonFinitePolicy on_nonfinite = NonFinitePolicy::skip;
  Bfloat16Rounding bfloat16_rounding = Bfloat16Rounding::master;  ///< of parameters in bfloat16; others ignore it
  int rounding_seed = 0;                                          ///< of stochastic rounding

  friend bool operator==(const OptimizerSpec&, const OptimizerSpec&) = default;
  [[nodiscard]] const Recipe& recipe_for(const ParameterInfo& parameter) const;
  /// The same optimizer in which the parameters of that name, where a route for every name would have taken them, are
  /// made of several matrices: with_layout("*.attn.qkv", {.row_blocks = 3}).
  [[nodiscard]] OptimizerSpec with_layout(const std::string& name_glob, const MatrixLayout& layout) const;
  /// The same optimizer with every recipe's learning rate multiplied by `factor`.
  [[nodiscard]] OptimizerSpec with_learning_rate_scaled(double factor) const;
};

}  // namespace normdescent
