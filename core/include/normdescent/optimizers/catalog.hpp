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

/// What every named optimizer takes, besides its own options, for all its recipes. The defaults do nothing.
struct CommonOptions {
  DecayForm decay_form = DecayForm::decoupled;  ///< what decoupled_decay is multiplied by; not `constrained`
  bool maximize = false;
  double l2_penalty = 0.0;
  double clip_norm = 0.0;         ///< OptimizerSpec::clip_norm, over all tensors
  double clip_tensor_norm = 0.0;  ///< Recipe::clip_norm
  Orientation orientation = Orientation::out_in;
  NonFinitePolicy on_nonfinite = NonFinitePolicy::skip;
  Bfloat16Rounding bfloat16_rounding = Bfloat16Rounding::master;  ///< of parameters in bfloat16
  int rounding_seed = 0;                                          ///< of stochastic rounding
  StateFormat state_format = StateFormat::full;                   ///< of momentum and second moment
};
enum class MomentumForm { ema, heavy_ball };
[[nodiscard]] const char* to_string(MomentumForm form);
enum class CorrectionKind {
  none,
  extrapolation,       ///< Extrapolation; needs a closure
  variance_reduction,  ///< VarianceReduction with the previous point; needs a closure
  mars,                ///< VarianceReduction with the previous batch
};
[[nodiscard]] const char* to_string(CorrectionKind kind);
/// How an optimizer averages gradients, besides the beta.
struct AverageOptions {
  MomentumForm momentum_form = MomentumForm::ema;
  Start start = Start::zero;  ///< heavy ball starts at zero
  CorrectionKind correction = CorrectionKind::none;
  double gamma = 1.0;  ///< of variance_reduction and mars; MARS's own value is 0.025
};

struct SgdOptions {
  double learning_rate = 0.1;
  double beta = 0.0;  ///< momentum in [0, 1)
  bool nesterov = false;
  double decoupled_decay = 0.0;
  AverageOptions average{.momentum_form = MomentumForm::heavy_ball};
  CommonOptions common{};
};
struct NormalizedSgdOptions {
  double learning_rate = 0.1;
  double beta = 0.0;  ///< momentum in [0, 1)
  bool nesterov = false;
  Scope scope = Scope::global;
  double decoupled_decay = 0.0;
  AverageOptions average{};
  CommonOptions common{};
};
enum class Axis { rows, columns };
[[nodiscard]] const char* to_string(Axis axis);
struct RowNormalizedSgdOptions {
  double learning_rate = 1e-2;
  double beta = 0.0;
  bool nesterov = false;
  Axis axis = Axis::rows;  ///< rows are outputs
  double decoupled_decay = 0.0;
  AverageOptions average{};
  CommonOptions common{};
};
struct SignSgdOptions {
  double learning_rate = 1e-3;
  double decoupled_decay = 0.0;
  CommonOptions common{};
};
struct SignumOptions {
  double learning_rate = 1e-3;
  double beta = 0.9;
  bool nesterov = false;
  double decoupled_decay = 0.0;
  AverageOptions average{};
  CommonOptions common{};
};
struct LionOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.9;   ///< inside the sign
  double beta2 = 0.99;  ///< of the state
  double decoupled_decay = 0.0;
  CommonOptions common{};
};
struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double decoupled_decay = 0.01;
  CommonOptions common{};
};
struct AdaGradOptions {
  double learning_rate = 1e-2;
  double beta = 0.0;     ///< EMA momentum in [0, 1)
  double delta = 1e-10;  ///< added to the root of the sum of squares
  double decoupled_decay = 0.0;
  CommonOptions common{};
};
struct AdaGradNormOptions {
  double learning_rate = 0.1;
  double beta = 0.0;
  double delta = 1e-10;
  Scope scope = Scope::global;
  double decoupled_decay = 0.0;
  CommonOptions common{};
};
/// MARS with the approximate correction: gradients of successive mini-batches are compared, none is computed twice.
struct MarsLionOptions {
  double learning_rate = 3e-4;
  double beta = 0.95;
  double gamma = 0.025;
  double decoupled_decay = 0.0;
  CommonOptions common{.clip_tensor_norm = 1.0};
};
struct MarsAdamWOptions {
  double learning_rate = 3e-3;
  double beta1 = 0.95;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double gamma = 0.025;
  double decoupled_decay = 0.01;
  CommonOptions common{.clip_tensor_norm = 1.0};
};
/// Matrix rule on Role::matrix, AdamW with the same learning rate on the rest (match_adamw_rms makes one rate serve
/// both).
struct MuonOptions {
  double learning_rate = 1e-3;
  double beta = 0.95;
  bool nesterov = false;
  std::string method = "halley";  ///< most accurate; "resolvent" is faster: docs/msign.md
  int steps = 0;                  ///< 0: the method's own
  ProductPrecision precision = ProductPrecision::full;
  ShapeScale shape_scale = ShapeScale::match_adamw_rms;
  double radius = 1.0;  ///< extra factor on the matrices' step
  double decoupled_decay = 0.0;
  AdamWOptions fallback{.beta2 = 0.99, .decoupled_decay = 0.0};  ///< its learning_rate is ignored; see fallback_rate
  double fallback_rate = 1.0;                                    ///< fallback learning rate over learning_rate
  AverageOptions average{};                                      ///< of the matrices
  CommonOptions common{};
};
/// The balls whose linear minimization oracle Scion steps along, m x n with m = fan-out.
enum class ScionBall {
  spectral,  ///< sqrt(m/n) msign
  sign,      ///< sign / n
  rows,      ///< rows of norm 1/sqrt(n)
  columns,   ///< columns of norm sqrt(m)
};
[[nodiscard]] const char* to_string(ScionBall ball);
/// One learning rate; every role has its ball and its radius.
struct ScionOptions {
  double learning_rate = 1e-3;
  double beta = 0.9;  ///< 1 - alpha
  ScionBall matrix_ball = ScionBall::spectral;
  double matrix_radius = 3.0;
  ScionBall embedding_ball = ScionBall::columns;  ///< embedding tables are stored (in, out): one column a token
  double embedding_radius = 1.0;
  ScionBall head_ball = ScionBall::sign;
  double head_radius = 10.0;
  double vector_radius = 1.0;  ///< of biases and norms, which get the sign
  std::string method = "halley";
  int steps = 0;  ///< 0: the method's own
  ProductPrecision precision = ProductPrecision::full;
  double decoupled_decay = 0.0;  ///< not in the constrained form
  AverageOptions average{};
  CommonOptions common{};
};
/// msign in every period-th step of a matrix, sign in the others and for everything else, on Lion's two averages.
struct LionMuonOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.99;
  int period = 2;
  double sign_rate = 0.2;  ///< learning rate of a sign step over learning_rate
  std::string method = "halley";
  int steps = 0;  ///< 0: the method's own
  ProductPrecision precision = ProductPrecision::full;
  ShapeScale shape_scale = ShapeScale::match_adamw_rms;
  double decoupled_decay = 0.0;
  CommonOptions common{};
};

/// Shampoo's own options; see Shampoo in recipe.hpp.
struct PreconditionerOptions {
  double beta2 = 0.99;  ///< of the statistics; 1 is the papers' sum, whose steps shrink like 1/sqrt(t)
  double delta = 1e-6;
  Damping damping = Damping::relative;
  int interval = 1;
  int block_size = 1024;
  Graft graft = Graft::none;
};
/// One-sided Shampoo on Role::matrix, AdamW on the rest, as Muon has it.
struct AsgoOptions {
  double learning_rate = 1e-3;
  double beta = 0.95;
  bool nesterov = false;
  PreconditionerOptions preconditioner{};
  ShapeScale shape_scale = ShapeScale::match_adamw_rms;
  double radius = 1.0;
  double decoupled_decay = 0.0;
  AdamWOptions fallback{.beta2 = 0.99, .decoupled_decay = 0.0};  ///< as in MuonOptions
  double fallback_rate = 1.0;
  AverageOptions average{};
  CommonOptions common{};
};
/// Two-sided Shampoo on Role::matrix, AdamW on the rest. The graft gives matrices steps of AdamW's size.
struct ShampooOptions {
  double learning_rate = 1e-3;
  double beta = 0.9;
  bool nesterov = false;
  PreconditionerOptions preconditioner{.interval = 10, .graft = Graft::adamw_rms};
  ShapeScale shape_scale = ShapeScale::none;
  double radius = 1.0;
  double decoupled_decay = 0.0;
  AdamWOptions fallback{.beta2 = 0.99, .decoupled_decay = 0.0};  ///< as in MuonOptions
  double fallback_rate = 1.0;
  AverageOptions average{};
  CommonOptions common{};
};

[[nodiscard]] OptimizerSpec sgd(const SgdOptions& options = {});
[[nodiscard]] OptimizerSpec normalized_sgd(const NormalizedSgdOptions& options = {});
[[nodiscard]] OptimizerSpec row_normalized_sgd(const RowNormalizedSgdOptions& options = {});
[[nodiscard]] OptimizerSpec signsgd(const SignSgdOptions& options = {});
[[nodiscard]] OptimizerSpec signum(const SignumOptions& options = {});
[[nodiscard]] OptimizerSpec lion(const LionOptions& options = {});
/// Lion without the coordinates in which its average u points against the gradient, the others longer by as much:
///   x <- x - eta sign(u) phi / max(mean(phi), 10^-3),  phi = [u g > 0], the mean over the tensor.
/// Source: Liang et al. 2024, arXiv:2411.16085, in the form of the authors' code (the paper's own divides by the mean
/// with one coordinate more).
[[nodiscard]] OptimizerSpec cautious_lion(const LionOptions& options = {});
[[nodiscard]] OptimizerSpec adamw(const AdamWOptions& options = {});
[[nodiscard]] OptimizerSpec adagrad(const AdaGradOptions& options = {});
[[nodiscard]] OptimizerSpec adagrad_norm(const AdaGradNormOptions& options = {});
[[nodiscard]] OptimizerSpec mars_lion(const MarsLionOptions& options = {});
[[nodiscard]] OptimizerSpec mars_adamw(const MarsAdamWOptions& options = {});
[[nodiscard]] OptimizerSpec muon(const MuonOptions& options = {});
/// Muon with Nesterov heavy ball, beta 0.95: equals matrix-Lion with beta1 = beta^2, beta2 = beta (theory 2.3).
[[nodiscard]] OptimizerSpec muonlight(MuonOptions options = {});
[[nodiscard]] OptimizerSpec scion(const ScionOptions& options = {});
/// x <- (1 - eta) x - eta rho D: stays in the balls of its radii.
[[nodiscard]] OptimizerSpec scion_constrained(const ScionOptions& options = {});
[[nodiscard]] OptimizerSpec lionmuon(const LionMuonOptions& options = {});
[[nodiscard]] OptimizerSpec asgo(const AsgoOptions& options = {});
[[nodiscard]] OptimizerSpec shampoo(const ShampooOptions& options = {});

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
  Geometry geometry = geometries::euclidean();
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
