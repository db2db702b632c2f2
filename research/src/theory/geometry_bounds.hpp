// SPDX-License-Identifier: Apache-2.0
// What the theory knows of each geometry and of the methods that step in it, registered by the geometry's name; of any
// other, what holds in every norm.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assumptions.hpp"
#include "normdescent/theory/constants.hpp"
#include "normdescent/theory/evaluate.hpp"
#include "normdescent/theory/speedup.hpp"

namespace normdescent::theory {

/// Which theorems a method's bounds come from.
enum class Family { sgd, sgd_l2, mini_batch, momentum, lion, muonlight, extrapolation, variance_reduction, adagrad };

struct Method {
  BoundsMethod info;
  Family family;
};

struct GeometryBounds {
  std::string geometry;
  std::string stationarity;  ///< what epsilon is measured in: "l1"
  Assumption (*noise)(double tail);
  std::string deterministic;           ///< source of L5
  std::string without_momentum;        ///< source of the lower bound of momentum-free steps at p = 2
  std::string mini_batch = {};         ///< source of their upper bound at p = 2, where it is published; else U3
  const char* momentum_tag = nullptr;  ///< of the upper bounds with averages, where it is not the vectors' U4, U5
  SpeedupOverSgd (*speedup_over_sgd)(double dimension, double density) = nullptr;
  bool has_density_of_coordinates = false;  ///< speedup_over_sgd takes phi of the coordinates' noise
};

/// All methods, of every geometry.
[[nodiscard]] const std::vector<Method>& methods();

inline constexpr std::string_view kDerivedHere = "[constants derived here]";

/// The entry of that name, else the one of any norm.
[[nodiscard]] const GeometryBounds& bounds_of(std::string_view geometry);

/// Throws std::invalid_argument unless `constants` are those of the geometry that a theorem is about.
void require_geometry(const ProblemConstants& constants, std::string_view geometry, std::string_view because = "");

}  // namespace normdescent::theory
