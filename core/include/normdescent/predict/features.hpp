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

/// In a fixed order, which is that of the rows of shipped_examples.cpp: another one needs `scoreboard --fit` again.
///   short-race        speed-up over SGD in the short race (race_statistics.hpp's definition)
///   short-standing    wins minus losses in it by final loss, over the number of others
///   short-closeness   closeness of its final loss in it
///   short-descent     descent of the loss in the short race over SGD's
///   density           model "density" (W1, W3)           matched-accuracy  model "matched-accuracy" (W6, W7)
///   pilot-curves      model "pilot-curves"                local-gain        model "local-gain" (W5)
///   sparsity          1/phi of the noise at the start     gradient-spread   ||grad f||_1^2 / (d ||grad f||_2^2)
///   noise             S_2 / ||grad f||_2 of a mini-batch  tail-index        clipped to [1, 2.5], no logarithm
///   steps, batch, dimension                               sgd-descent       SGD's share of the loss gone in it
///   closeness-of-NAME short-closeness of each optimizer of the scoreboard's races: whether one wins depends on what it
///                     runs against
[[nodiscard]] std::span<const Feature> features();

/// The index of a feature; features().size() if there is none of that name.
[[nodiscard]] std::size_t feature_index(const std::string& name);

/// Wins minus losses of each of `losses` against the others, over their number, in [-1, 1]; equal ones are neither.
/// +infinity, diverged, loses to every finite loss. NaN takes no part and stands nowhere (NaN).
[[nodiscard]] std::vector<double> standings(std::span<const double> losses);

/// How near each of `losses` comes to the lowest one, in bits, against the mean of all:
///
///   c_j = -log2(kClosenessFloor + (loss_j - lowest) / (start - lowest)),  minus the mean of all c
///
/// The share is at most 1 (also for +infinity, diverged). NaN takes no part; all NaN if none is below `start`.
/// Orders like the losses themselves, but a gap between two good ones weighs more than one between two bad ones.
[[nodiscard]] std::vector<double> closeness(std::span<const double> losses, double start);

/// Shares of the best descent below this are one and the same: seeds differ by that much.
inline constexpr double kClosenessFloor = 0.02;

/// All of them for one entrant.
[[nodiscard]] std::vector<double> feature_values(const Evidence& evidence, const Entrant& entrant, const RunPlan& plan);

}  // namespace normdescent
