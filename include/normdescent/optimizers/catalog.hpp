// SPDX-License-Identifier: Apache-2.0
// The named optimizers: options with documented defaults, their recipes, and a table to look them up by name.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/optimizers/routing.hpp"

namespace normdescent {

struct SgdOptions {
  double learning_rate = 0.1;
  double beta = 0.0;  ///< momentum in [0, 1), heavy ball b <- beta b + g
  bool nesterov = false;
  double decoupled_decay = 0.0;
};
struct NormalizedSgdOptions {
  double learning_rate = 0.1;
  double beta = 0.0;  ///< EMA momentum in [0, 1)
  Scope scope = Scope::global;
  double decoupled_decay = 0.0;
};
struct SignSgdOptions {
  double learning_rate = 1e-3;
  double decoupled_decay = 0.0;
};
struct SignumOptions {
  double learning_rate = 1e-3;
  double beta = 0.9;
  double decoupled_decay = 0.0;
};
struct LionOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.9;   ///< inside the sign
  double beta2 = 0.99;  ///< of the state
  double decoupled_decay = 0.0;
};
struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double decoupled_decay = 0.01;
};
/// Matrix rule on Role::matrix, AdamW with the same learning rate on the rest (match_adamw_rms makes one rate serve
/// both).
struct MuonOptions {
  double learning_rate = 1e-3;
  double beta = 0.95;
  bool nesterov = false;
  std::string method = "halley";  ///< fastest and most accurate; see docs/msign.md
  int steps = 0;                  ///< 0: the method's own
  ProductPrecision precision = ProductPrecision::full;
  ShapeScale shape_scale = ShapeScale::match_adamw_rms;
  double decoupled_decay = 0.0;
  AdamWOptions fallback{.beta2 = 0.99, .decoupled_decay = 0.0};  ///< its learning_rate is ignored; see fallback_rate
  double fallback_rate = 1.0;                                    ///< fallback learning rate over learning_rate
};

[[nodiscard]] OptimizerSpec sgd(const SgdOptions& options = {});
[[nodiscard]] OptimizerSpec normalized_sgd(const NormalizedSgdOptions& options = {});
[[nodiscard]] OptimizerSpec signsgd(const SignSgdOptions& options = {});
[[nodiscard]] OptimizerSpec signum(const SignumOptions& options = {});
[[nodiscard]] OptimizerSpec lion(const LionOptions& options = {});
[[nodiscard]] OptimizerSpec adamw(const AdamWOptions& options = {});
[[nodiscard]] OptimizerSpec muon(const MuonOptions& options = {});
/// Muon with Nesterov heavy ball, beta 0.95: equals matrix-Lion with beta1 = beta^2, beta2 = beta (theory 2.3).
[[nodiscard]] OptimizerSpec muonlight(MuonOptions options = {});

/// One option of a named optimizer, as text: for command lines and configuration files.
struct OptionInfo {
  std::string name;           ///< e.g. "beta1"
  std::string default_value;  ///< as text
  std::string domain;         ///< e.g. "[0, 1)"
  std::string meaning;
};
struct OptimizerInfo {
  std::string name;     ///< "signsgd"
  std::string title;    ///< "SignSGD"
  std::string summary;  ///< the update in one line
  Geometry geometry = Geometry::euclidean;
  double default_learning_rate = 0.0;
  std::vector<OptionInfo> options;
};

[[nodiscard]] std::span<const OptimizerInfo> optimizer_catalog();
/// nullptr if there is none of that name.
[[nodiscard]] const OptimizerInfo* find_optimizer(std::string_view name);
/// Builds a named optimizer from text options. Throws std::invalid_argument for an unknown name (with the nearest one),
/// an unknown option, or a value outside its domain ("field = value, must be ...").
[[nodiscard]] OptimizerSpec make_optimizer(std::string_view name,
                                           const std::map<std::string, std::string>& options = {});

}  // namespace normdescent
