// SPDX-License-Identifier: Apache-2.0
// An optimizer is a recipe of three parts: an estimator of the gradient, a direction (the dual direction of a norm, or
// an adaptive scaling), a step. This file is the vocabulary; executing a recipe is the job of optimizer.hpp.
//
// Legend (t = step)   g gradient   m, b momentum   u what the direction is applied to   x parameter
//                     eta learning rate   lambda decay   rho radius   s(m,n) shape scale
//   c = clip(correction(g + l2_penalty x)) ;  u = estimator(c) ;  x <- (1 - eta lambda) x - eta rho s direction(u)
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "normdescent/base/parameter.hpp"
#include "normdescent/linalg/inverse_root.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/norms/geometry.hpp"

namespace normdescent {

// ---- corrections: what an estimator is fed ------------------------------------------------------------------------

/// c = g
struct Uncorrected {
  friend bool operator==(const Uncorrected&, const Uncorrected&) = default;
};
/// Implicit gradient transport: c = g(x + r (x - x_old)), r = beta/(1 - beta) of the estimator. What the average
/// forgets of the past is then first order no more; exact on quadratics. One gradient a step, at another point.
/// Source: theory 2.4, after arXiv 2503.12645.
struct Extrapolation {
  friend bool operator==(const Extrapolation&, const Extrapolation&) = default;
};
/// What the gradient is compared with: `previous_point`, this mini-batch at the previous point (exact, a second
/// gradient a step), or `previous_batch`, the gradient that the previous step used (no further gradient).
enum class GradientReference { previous_point, previous_batch };
[[nodiscard]] const char* to_string(GradientReference reference);
/// c = g + gamma r (g - g_old), r = beta/(1 - beta) of the estimator; c = g in the first step. Momentum variance
/// reduction (STORM) for gamma = 1 and the previous point; MARS for gamma = 0.025, with clip_norm = 1.
struct VarianceReduction {
  GradientReference reference = GradientReference::previous_point;
  double gamma = 1.0;
  friend bool operator==(const VarianceReduction&, const VarianceReduction&) = default;
};
using Correction = std::variant<Uncorrected, Extrapolation, VarianceReduction>;

// ---- estimators ---------------------------------------------------------------------------------------------------

/// u = g
struct Raw {
  friend bool operator==(const Raw&, const Raw&) = default;
};
/// Where an average starts: at 0, or such that its first value is the first gradient.
enum class Start { zero, first_gradient };
[[nodiscard]] const char* to_string(Start start);
/// m <- beta m + (1 - beta) g ; u = m   (nesterov: u = (1 - beta) g + beta m).
struct Ema {
  double beta = 0.9;
  bool nesterov = false;
  Start start = Start::zero;
  friend bool operator==(const Ema&, const Ema&) = default;
};
/// b <- beta b + g ; u = b   (nesterov: u = g + beta b). Start: b = 0.
struct HeavyBall {
  double beta = 0.9;
  bool nesterov = false;
  friend bool operator==(const HeavyBall&, const HeavyBall&) = default;
};
/// Lion: u = beta1 m + (1 - beta1) g with the OLD m, then m <- beta2 m + (1 - beta2) g. Start: m = 0.
struct DoubleEma {
  double beta1 = 0.9;
  double beta2 = 0.99;
  friend bool operator==(const DoubleEma&, const DoubleEma&) = default;
};
using Estimator = std::variant<Raw, Ema, HeavyBall, DoubleEma>;

// ---- directions ---------------------------------------------------------------------------------------------------

/// d = u
struct Identity {
  friend bool operator==(const Identity&, const Identity&) = default;
};
/// d = sign(u), sign(0) = 0
struct Sign {
  friend bool operator==(const Sign&, const Sign&) = default;
};
enum class Scope { per_tensor, global };
[[nodiscard]] const char* to_string(Scope scope);
/// d = u / ||u||_2 over one tensor or over all tensors that share the recipe; 0/0 = 0
struct Normalize {
  Scope scope = Scope::global;
  friend bool operator==(const Normalize&, const Normalize&) = default;
};
/// Row i of d = U_i / ||U_i||_2; zero rows stay zero
struct RowNormalize {
  friend bool operator==(const RowNormalize&, const RowNormalize&) = default;
};
/// Column j of d = U_{:,j} / ||U_{:,j}||_2; zero columns stay zero
struct ColumnNormalize {
  friend bool operator==(const ColumnNormalize&, const ColumnNormalize&) = default;
};
/// D = msign(U). `method` is one of polar_method_names() of linalg/polar.hpp: "halley", "polar-express", "svd", ...
struct Orthogonalize {
  std::string method = "halley";
  int steps = 0;                                        ///< 0: default_polar_steps(method)
  ProductPrecision precision = ProductPrecision::full;  ///< bfloat16: of float parameters only, and not with "svd"
  friend bool operator==(const Orthogonalize&, const Orthogonalize&) = default;
};
/// Adam: v <- beta2 v + (1 - beta2) g^2 ; d = (u / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon), u = Ema{beta1}
struct AdamScale {
  double beta2 = 0.999;
  double epsilon = 1e-8;
  friend bool operator==(const AdamScale&, const AdamScale&) = default;
};
/// AdaGrad: b^2 <- b^2 + g^2 by coordinate ; d = u / (b + delta)
struct AdaGradScale {
  double delta = 1e-10;
  friend bool operator==(const AdaGradScale&, const AdaGradScale&) = default;
};
/// AdaGrad-Norm: b^2 <- b^2 + ||g||_2^2 over one tensor or over all that share the recipe ; d = u / (b + delta)
struct AdaGradNorm {
  Scope scope = Scope::global;
  double delta = 1e-10;
  friend bool operator==(const AdaGradNorm&, const AdaGradNorm&) = default;
};
/// LionMuon: msign with the recipe's shape scale in every `period`-th step, in all others sign with learning rate
/// `sign_rate` times the recipe's and without shape scale. Both see the same estimate.
struct Alternate {
  Orthogonalize msign;
  int period = 2;
  double sign_rate = 0.2;  ///< 0.2 gives both steps the same RMS under ShapeScale::match_adamw_rms
  friend bool operator==(const Alternate&, const Alternate&) = default;
};
/// Which sides of a matrix are preconditioned: the shorter one (ASGO; rows of a square matrix), or both (Shampoo).
enum class PreconditionedSides { shorter, both };
[[nodiscard]] const char* to_string(PreconditionedSides sides);
/// Whose norm a preconditioned direction gets, matrix by matrix; 0 stays 0.
enum class Graft {
  none,       ///< its own
  sgd,        ///< ||U||_F
  adamw_rms,  ///< 0.2 sqrt(m n): RMS 0.2, as AdamW's steps have it about
};
[[nodiscard]] const char* to_string(Graft graft);
/// Statistics of the gradient G (not of U): L <- L + G G^T, R <- R + G^T G for beta2 = 1; for beta2 < 1 they are
/// averages, L <- beta2 L + (1 - beta2) G G^T, divided by 1 - beta2^t where they are used. L~ = L + d I, d = delta
/// lambda_max(L) or delta.
///   both sides: D = L~^(-1/4) U R~^(-1/4)     shorter side: D = L~^(-1/2) U  or  U R~^(-1/2)
/// Without momentum the first D is msign(G) for delta -> 0.
/// Blocks: a preconditioned side of more than block_size entries is cut into blocks of that many (the last may be
/// smaller), each with statistics of its own. Roots are computed in a parameter's steps 1, 1 + interval, ...; a longer
/// interval wants a graft: directions that gradients had not seen when the root was taken grow by delta^(-1/2).
/// Statistics are kept in the parameters' type: squares of gradients must be in its range (float: entries of 1e-17 to
/// 1e17, or there is no step). docs/optimizers.md says what a root costs.
/// Source: Gupta, Koren & Singer 2018, arXiv:1802.09568, algorithm 1; blocks and grafting Anil et al. 2020,
/// arXiv:2002.09018; one side: An et al. 2025, "ASGO".
struct Shampoo {
  PreconditionedSides sides = PreconditionedSides::both;
  double beta2 = 1.0;  ///< in [0, 1]
  double delta = 1e-6;
  Damping damping = Damping::relative;
  int interval = 1;
  int block_size = 1024;
  Graft graft = Graft::none;
  friend bool operator==(const Shampoo&, const Shampoo&) = default;
};
/// One matrix of a parameter, as a TensorMap gets it. u estimates g; out is neither of them.
template <class T>
struct TensorMapTask {
  ConstMatrixView<T> u;
  ConstMatrixView<T> g;
  MatrixView<T> out;
  const ParameterInfo& parameter;
};
/// A direction without state of its own, for which this vocabulary has no word. Called from several threads.
class TensorMap {
 public:
  virtual ~TensorMap() = default;
  virtual void apply(const TensorMapTask<float>& task) const = 0;
  virtual void apply(const TensorMapTask<double>& task) const = 0;
};
/// d = map(u, g), matrix by matrix (one by default): the dual map of a geometry of one's own (norm_descent.hpp), a
/// mask. Its name stands for it: in saved states, and where recipes are compared.
struct MapTensor {
  std::string name;   ///< "dual(schatten-4)"
  Geometry geometry;  ///< whose adaptive or masked relative it is
  std::shared_ptr<const TensorMap> map;
  friend bool operator==(const MapTensor& a, const MapTensor& b) { return a.name == b.name; }
};
using Direction = std::variant<Identity, Sign, Normalize, RowNormalize, ColumnNormalize, Orthogonalize, AdamScale,
                               AdaGradScale, AdaGradNorm, Alternate, Shampoo, MapTensor>;

// ---- steps --------------------------------------------------------------------------------------------------------

/// Factor s(m, n) on the step of an m x n matrix, m fan-out, n fan-in (a convolution: in * kh * kw; a vector: 1).
enum class ShapeScale {
  none,              ///< 1
  sqrt_max_one,      ///< sqrt(max(1, m/n)): Jordan's Muon
  match_adamw_rms,   ///< 0.2 sqrt(max(m, n)): Moonlight, Muonlight
  sqrt_out_over_in,  ///< sqrt(m/n): Scion, Dion
  sqrt_max,          ///< sqrt(max(m, n)): msign of full rank gets RMS 1; the radius is then the RMS of a step
  one_over_in,       ///< 1/n: Scion's sign
  sqrt_out,          ///< sqrt(m): Scion's columns, each of RMS 1
  one_over_sqrt_in,  ///< 1/sqrt(n): Scion's rows
};
[[nodiscard]] const char* to_string(ShapeScale scale);
[[nodiscard]] double shape_scale(ShapeScale scale, Index fan_out, Index fan_in);

/// How a weight is stored: its rows are fan-out (LibTorch's Linear) or fan-in (Keras, JAX, GPT-2's Conv1D, and every
/// embedding table, whose input is a token).
enum class Orientation { out_in, in_out };
[[nodiscard]] const char* to_string(Orientation orientation);

/// What a step takes off the point itself. lambda is Recipe::decoupled_decay.
enum class DecayForm {
  decoupled,    ///< x <- (1 - eta lambda) x - ... : AdamW, Lion, Muon
  scaled,       ///< x <- (1 - eta rho s lambda) x - ... : decay grows with the step's shape scale
  squared,      ///< x <- (1 - eta^2 lambda) x - ... : stays small when the rate decays
  constrained,  ///< x <- (1 - eta) x - eta rho s d, Frank-Wolfe: from inside {||x|| <= rho s} never leaves it; eta <= 1
};
[[nodiscard]] const char* to_string(DecayForm form);

/// Which matrices a tensor is made of, for rules that act on matrices (RowNormalize, Orthogonalize, Shampoo) and for
/// the shape scale: one by default, the first dimension against all others.
struct MatrixLayout {
  int row_blocks = 1;       ///< equal blocks of rows: 3 for fused query, key, value; 3 heads for one matrix a head
  bool is_stacked = false;  ///< the first dimension counts matrices; row_blocks then splits each of them
  friend bool operator==(const MatrixLayout&, const MatrixLayout&) = default;
};
/// `count` contiguous (rows, cols) matrices, one after the other.
struct MatrixShape {
  Index count = 1;
  Index rows = 0;
  Index cols = 0;
};
/// Throws std::invalid_argument naming the parameter unless row_blocks divides the rows, in out_in orientation, and a
/// stack has at least three dimensions.
[[nodiscard]] MatrixShape matrix_shape(const MatrixLayout& layout, const ParameterInfo& parameter);

/// What momentum and second moment are kept in; other state is always of the parameters' type. bfloat16 (of float
/// parameters only) halves their memory. Each step widens, computes in float and rounds:
///   bfloat16               to nearest. An average of beta stays within 2^-9/(1 - beta) of the largest it has been: fit
///                          for momentum, while a second moment of beta2 = 0.999 would stop moving.
///   bfloat16_stochastic    up or down at random with the float result as mean (base/stochastic_rounding.hpp).
enum class StateFormat { full, bfloat16, bfloat16_stochastic };
[[nodiscard]] const char* to_string(StateFormat format);

// ---- the recipe ---------------------------------------------------------------------------------------------------

/// One rule for one parameter.
struct Recipe {
  std::string name;  ///< what explain() and error messages call it
  Correction correction = Uncorrected{};
  Estimator estimator = Raw{};
  Direction direction = Identity{};
  double learning_rate = 1e-3;
  double decoupled_decay = 0.0;  ///< lambda; 0 for DecayForm::constrained, which has none
  DecayForm decay_form = DecayForm::decoupled;
  bool maximize = false;    ///< g <- -g before anything else: x climbs
  double l2_penalty = 0.0;  ///< g <- g + l2_penalty x before an estimator sees it: coupled, another method than decay
  double clip_norm = 0.0;   ///< c <- c min(1, clip_norm / ||c||_2) tensor by tensor; 0: not at all
  double radius = 1.0;      ///< rho
  ShapeScale shape_scale = ShapeScale::none;
  Orientation orientation = Orientation::out_in;
  MatrixLayout layout = {};
  StateFormat state_format = StateFormat::full;
  friend bool operator==(const Recipe&, const Recipe&) = default;
};

/// s(m, n) of a parameter, with the recipe's orientation.
[[nodiscard]] double shape_scale(const Recipe& recipe, const ParameterInfo& parameter);
/// rho s(m, n): how far a step of rate one goes in the direction's norm.
[[nodiscard]] double step_scale(const Recipe& recipe, const ParameterInfo& parameter);
/// What eta is multiplied by in the factor 1 - eta (...) on x.
[[nodiscard]] double effective_decay(const Recipe& recipe, const ParameterInfo& parameter, double learning_rate);

/// gamma beta/(1 - beta): how far a correction extrapolates; 0 without correction.
[[nodiscard]] double correction_ratio(const Recipe& recipe);
/// Whether the direction of one tensor depends on the others that share the recipe.
[[nodiscard]] bool looks_at_all_tensors(const Recipe& recipe);
/// Whether a step needs gradients of its mini-batch at other points than the current one.
[[nodiscard]] bool needs_closure(const Recipe& recipe);

/// The geometry whose dual direction a recipe's direction is (AdamScale and AdaGradScale: sign, AdaGradNorm:
/// euclidean, as their adaptive counterparts; Alternate and Shampoo: spectral).
[[nodiscard]] const Geometry& geometry_of(const Recipe& recipe);
/// Whether a direction costs matrix products or factorizations, far more than a pass over the tensor.
[[nodiscard]] bool has_matrix_products(const Recipe& recipe);
/// As explain() prints it: "ema(beta=0.95, nesterov)", "msign(halley, 2 steps)".
[[nodiscard]] std::string describe(const Correction& correction);
[[nodiscard]] std::string describe(const Estimator& estimator);
[[nodiscard]] std::string describe(const Direction& direction);
/// "" for one matrix, else " on 3 matrices of (768, 768)".
[[nodiscard]] std::string describe(const MatrixLayout& layout, const ParameterInfo& parameter);
/// "none", "decoupled(0.1)", "constrained(radius=3)", "l2-penalty(0.01)", joined by " + ".
[[nodiscard]] std::string describe_decay(const Recipe& recipe);
/// Throws std::invalid_argument "recipe NAME: field = value, must be ..." listing every violated constraint:
/// learning_rate, decay, penalty, clip_norm and radius in [0, inf), betas in [0, 1), epsilon and delta > 0; AdamScale
/// only over Ema without nesterov and with zero start; corrections only before Ema or HeavyBall; DecayForm::constrained
/// with a rate of at most 1 and without decoupled_decay.
void validate(const Recipe& recipe);

}  // namespace normdescent
