// SPDX-License-Identifier: Apache-2.0
// Evidence as numbers: what the combined prediction is a linear function of, and what each number says in words.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "normdescent/predict/evidence.hpp"
#include "normdescent/predict/models.hpp"

namespace normdescent {

/// A measured quantity about one entrant on one problem. Logarithms are to base 2.
struct Feature {
  const char* name;
  const char* words;  ///< "its lead in the short race": for sentences
  /// NaN where it was not measured, or says nothing about this entrant.
  double (*value)(const Evidence& evidence, const Entrant& entrant, const RunPlan& plan);
};

/// In a fixed order; the shipped calibration names the features that it was fitted with.
///   short-race        speed-up over SGD in the short race (race_statistics.hpp's definition)
///   short-standing    wins minus losses in it by final loss, over the number of others
///   short-descent     descent of the loss in the short race over SGD's
///   density           model "density" (W1, W3)           matched-accuracy  model "matched-accuracy" (W6, W7)
///   pilot-curves      model "pilot-curves"                local-gain        model "local-gain" (W5)
///   sparsity          1/phi of the noise at the start     gradient-spread   ||grad f||_1^2 / (d ||grad f||_2^2)
///   noise             S_2 / ||grad f||_2 of a mini-batch  tail-index        clipped to [1, 2.5], no logarithm
///   steps, batch, dimension                               sgd-descent       SGD's share of the loss gone in it
[[nodiscard]] std::span<const Feature> features();

/// The index of a feature; features().size() if there is none of that name.
[[nodiscard]] std::size_t feature_index(const std::string& name);

/// Wins minus losses of each of `losses` against the others, over their number, in [-1, 1]; equal ones are neither.
/// +infinity, diverged, loses to every finite loss. NaN takes no part and stands nowhere (NaN).
[[nodiscard]] std::vector<double> standings(std::span<const double> losses);

/// All of them for one entrant.
[[nodiscard]] std::vector<double> feature_values(const Evidence& evidence, const Entrant& entrant, const RunPlan& plan);

}  // namespace normdescent
