// SPDX-License-Identifier: Apache-2.0
#include "experiments.hpp"

namespace normdescent::lab {

std::vector<ExperimentInfo> make_experiments() {
  return {
      {"toy-deterministic",
       "One steep direction among 4999 flat ones: the best SignSGD beats the best SGD, whose step size the steep "
       "direction limits (P1).",
       toy_deterministic},
      {"toy-sparse-noise",
       "Noise on one coordinate of 100: SGD and SignSGD settle at the levels that theory derives for each (P2).",
       toy_sparse_noise},
  };
}

}  // namespace normdescent::lab
