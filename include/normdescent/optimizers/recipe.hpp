// SPDX-License-Identifier: Apache-2.0
// An optimizer is a recipe of three parts: an estimator of the gradient, a direction (the dual direction of a norm, or
// an adaptive scaling), a step. This file is the vocabulary; executing a recipe is the job of optimizer.hpp.
//
// Legend (t = step)   g gradient   m, b momentum   u what the direction is applied to   x parameter
//                     eta learning rate   lambda decoupled decay   s(m,n) shape scale
//   u = estimator(g) ;  x <- (1 - eta lambda) x - eta s direction(u)
#pragma once

#include <string>
#include <variant>

#include "normdescent/base/geometry.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent {

// ---- estimators ---------------------------------------------------------------------------------------------------

/// u = g
struct Raw {
  friend bool operator==(const Raw&, const Raw&) = default;
};
/// m <- beta m + (1 - beta) g ; u = m   (nesterov: u = (1 - beta) g + beta m). Start: m = 0.
struct Ema {
  double beta = 0.9;
  bool nesterov = false;
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
enum class ShapeScale {
  none,              ///< 1
  sqrt_max_one,      ///< sqrt(max(1, m/n)): Jordan's Muon
  match_adamw_rms,   ///< 0.2 sqrt(max(m, n)): Moonlight, Muonlight
  sqrt_out_over_in,  ///< sqrt(m/n): Scion, Dion
};
[[nodiscard]] const char* to_string(ShapeScale scale);
/// s(m, n) of a matrix with m = rows = fan-out.
[[nodiscard]] double shape_scale(ShapeScale scale, Index rows, Index cols);
/// D = s(m,n) msign(U). `method` names a coefficient set of linalg/polar.hpp ("polar-express", "jordan") or "svd".
struct Orthogonalize {
  std::string method = "polar-express";
  int steps = 5;
  ShapeScale shape_scale = ShapeScale::match_adamw_rms;
  friend bool operator==(const Orthogonalize&, const Orthogonalize&) = default;
};
/// Adam: v <- beta2 v + (1 - beta2) g^2 ; d = (u / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon), u = Ema{beta1}
struct AdamScale {
  double beta2 = 0.999;
  double epsilon = 1e-8;
  friend bool operator==(const AdamScale&, const AdamScale&) = default;
};
using Direction = std::variant<Identity, Sign, Normalize, RowNormalize, Orthogonalize, AdamScale>;

// ---- the recipe ---------------------------------------------------------------------------------------------------

/// One rule for one parameter.
struct Recipe {
  std::string name;  ///< what explain() and error messages call it
  Estimator estimator = Raw{};
  Direction direction = Identity{};
  double learning_rate = 1e-3;
  double decoupled_decay = 0.0;  ///< lambda in x <- (1 - eta lambda) x
  friend bool operator==(const Recipe&, const Recipe&) = default;
};

/// The geometry whose dual direction a recipe's direction is (AdamScale: sign, as its adaptive counterpart).
[[nodiscard]] Geometry geometry_of(const Recipe& recipe);
/// As explain() prints it: "ema(beta=0.95, nesterov)", "msign(polar-express, 5 steps)".
[[nodiscard]] std::string describe(const Estimator& estimator);
[[nodiscard]] std::string describe(const Direction& direction);
/// Throws std::invalid_argument "recipe NAME: field = value, must be ..." listing every violated constraint:
/// learning_rate, decoupled_decay in [0, inf), betas in [0, 1), epsilon > 0, AdamScale only over Ema without nesterov.
void validate(const Recipe& recipe);

}  // namespace normdescent
