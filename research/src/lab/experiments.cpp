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
      {"signsgd-lower-bound",
       "No step size, batch, noise or dimension carries SignSGD below the bound L1 on its instance; U1 holds there, "
       "and measured samples lie between the two.",
       signsgd_lower_bound},
      {"sgd-l1-lower-bound",
       "On its instances SGD stays above the l1 lower bound L3n (L9 for heavy tails) for every step size; U11 holds "
       "there.",
       sgd_l1_lower_bound},
      {"muon-lower-bound",
       "On the matrix lift Muon with exact msign is SignSGD on the diagonal: L2 and U2 hold in the nuclear norm.",
       muon_lower_bound},
      {"adagrad-lower-bound",
       "No step size or noise carries AdaGrad below the bound L6 on its instance; U10 holds there, and measured "
       "samples "
       "lie between the two.",
       adagrad_lower_bound},
      {"dimension-scaling",
       "Without noise, samples to epsilon in l1 on worst instances grow as d for SGD and not at all for SignSGD (W1).",
       dimension_scaling},
      {"density-scaling",
       "With noise of density phi, samples to epsilon in l1 on worst instances grow as 1/phi for SGD and not at all "
       "for SignSGD (W1; W2 for heavy tails).",
       density_scaling},
      {"epsilon-scaling",
       "Settings tuned near those of theory, samples to an average gradient norm of epsilon grow with exponent "
       "-(3p-2)/(p-1) for noise with p moments: SignSGD with momentum, Lion, SGD (U4, U5, L8, L9). Lion has another "
       "regime, outside of U5, with exponent -p/(p-1) on this instance.",
       epsilon_scaling},
      {"muon-scaling",
       "On worst matrices, samples to epsilon in the nuclear norm grow as the rank and as 1/phi_nuc for SGD and not at "
       "all for Muon (W3).",
       muon_scaling},
      {"extrapolation-rate", "Extrapolated momentum needs epsilon^-3.5 samples where momentum needs epsilon^-4 (U9b).",
       extrapolation_rate},
      {"variance-reduction-rate",
       "Momentum variance reduction needs epsilon^-3 samples where momentum needs epsilon^-4 (U9c).",
       variance_reduction_rate},
      {"structure",
       "Constants of Hessian, noise and start alone predict which norm's optimizer wins on sparse and low-rank matrix "
       "problems, better than any fixed choice (W6).",
       structure},
      {"teeth", "Each bound fails in a case that breaks one of its assumptions, beside a case in which it holds.",
       teeth},
  };
}

}  // namespace normdescent::lab
