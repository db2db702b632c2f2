// SPDX-License-Identifier: Apache-2.0
// Short runs of momentum-free descent, to see where each geometry leads and how fast it gets there.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "normdescent/norms/geometry.hpp"
#include "normdescent/probe/local_geometry.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// x <- x - rate D_X(g); not normalized, as plain SGD, x <- x - rate g.
struct PilotKind {
  std::string optimizer;  ///< the catalog's name of the momentum-free optimizer it stands for
  Geometry geometry = geometries::euclidean();
  bool is_normalized = true;
};

struct PilotOptions {
  int steps = 20;
  double first_rate = 1e-3;  ///< of the unit direction; the ladder descends from here
  double rate_factor = 3.0;  ///< > 1: each try divides the rate by it
  int max_tries = 4;         ///< >= 1; the ladder ends earlier when a rate does worse than the one before
  std::uint32_t batch_size = 1;
  double gradient_norm = 1.0;  ///< typical ||g||_2: plain SGD's unit step is rate ||g|| / gradient_norm
};

struct PilotRun {
  double rate = 0.0;           ///< best peak rate of the unit direction; decays linearly to 0. 0: every try diverged
  double learning_rate = 0.0;  ///< as the optimizer counts it
  int tries = 0;
  double end_loss = 0.0;       ///< on the judge's examples
  std::vector<double> losses;  ///< of the training mini-batches, before each step
};

/// Searches the rate: down from the first one while that helps, else up. Each run starts at the present point and sees
/// the same mini-batches; the end is judged on other examples. A rate below the best so far whose losses are above that
/// one's half-way is given up there. Leaves the parameters at the end of the best run (at the
/// start, if all diverged: a loss that is not finite, or above 1.5 times the first one). Memory: 3 copies of the
/// parameters. Cost: `steps` gradients a try, 3 tries in practice, one of them half.
PilotRun run_pilot(Objective& objective, const PilotKind& kind, const PilotOptions& options, BatchSource batches,
                   const Batch& judge, std::stop_token stop = {});

}  // namespace normdescent
