// SPDX-License-Identifier: Apache-2.0
#include "geometry_bounds.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace normdescent::theory {
namespace {

Assumption euclidean_noise(double) { return {"N-l2", "unbiased samples, E||n||_2^p <= S^p"}; }

Assumption sign_noise(double tail) {
  if (tail == 2.0) return {"N1", "unbiased samples, E n_i^2 <= sigma_i^2 for every coordinate, S = ||sigma||_1"};
  return {"N3", "unbiased samples, E|n_i|^p <= sigma_i^p for every coordinate, S = ||sigma||_1"};
}

Assumption spectral_noise(double tail) {
  if (tail == 2.0) return {"N2", "unbiased samples, E[N N^T] <= Sigma^2, S = tr Sigma"};
  return {"N4", "unbiased samples, ||V_0||_nuc^(p/2) E||N||^p_{|V_0|^-1} <= ||V_0||_nuc^p, S = ||V_0||_nuc"};
}

Assumption row_noise(double) {
  return {"N-row", "unbiased samples, E||N_i||_2^p <= s_i^p for every row, S = sum of s_i"};
}

// Rows of the transpose.
Assumption column_noise(double) {
  return {"N-column", "unbiased samples, E||N_:j||_2^p <= s_j^p for every column, S = sum of s_j"};
}

// The least that averaging at B^(-theta) needs, as a norm of type p has it.
Assumption any_noise(double) {
  return {"N-dual", "unbiased samples whose averages of B have E||n||_dual <= c_p S B^(-theta) in the dual norm"};
}

const std::vector<GeometryBounds>& table() {
  static const std::string in_one_dimension = derived_here("L5 in one dimension");
  static const std::string one_dimension = derived_here("L1 in one dimension");
  static const std::vector<GeometryBounds> all{
      {.geometry = "euclidean",
       .stationarity = "l2",
       .noise = euclidean_noise,
       .deterministic = published("L5", "Jiang et al., COLT 2025, Theorem 1"),
       .without_momentum = one_dimension},
      {.geometry = "sign",
       .stationarity = "l1",
       .noise = sign_noise,
       .deterministic = published("L5", "Jiang et al., COLT 2025, Theorem 5"),
       .without_momentum = "L1 [rate: arXiv:2605.06615, Theorem 2; constants derived here]",
       .mini_batch = published("U1", "arXiv:2605.06615, Theorem 1"),
       .speedup_over_sgd = speedup_sign_over_sgd,
       .has_density_of_coordinates = true},
      {.geometry = "spectral",
       .stationarity = "nuclear",
       .noise = spectral_noise,
       .deterministic = in_one_dimension,
       .without_momentum = "L2 [rate: arXiv:2605.06615, Theorem 5; constants derived here]",
       .mini_batch = published("U2", "arXiv:2605.06615, Theorem 4"),
       .momentum_tag = "U7",
       .speedup_over_sgd = speedup_muon_over_sgd},
      {.geometry = "row-wise",
       .stationarity = "row l2 sum",
       .noise = row_noise,
       .deterministic = in_one_dimension,
       .without_momentum = one_dimension},
      {.geometry = "column-wise",
       .stationarity = "column l2 sum",
       .noise = column_noise,
       .deterministic = in_one_dimension,
       .without_momentum = one_dimension},
  };
  return all;
}

}  // namespace

const std::vector<Method>& methods() {
  static const std::vector<Method> all{
      {{"sgd", "sign", "plain SGD, judged in l1 (needs dimension, density)"}, Family::sgd},
      {{"sgd-l2", "euclidean", "plain SGD in l2"}, Family::sgd_l2},
      {{"normalized-sgd", "euclidean", "g/||g||_2, no momentum"}, Family::mini_batch},
      {{"normalized-sgd-momentum", "euclidean", "m/||m||_2, EMA momentum"}, Family::momentum},
      {{"signsgd", "sign", "sign(g), no momentum"}, Family::mini_batch},
      {{"signum", "sign", "sign(m), EMA momentum"}, Family::momentum},
      {{"lion", "sign", "sign of Lion's two averages"}, Family::lion},
      {{"signsgd-extrapolation", "sign", "sign(m), gradients at extrapolated points"}, Family::extrapolation},
      {{"signsgd-mvr", "sign", "sign(m), momentum variance reduction"}, Family::variance_reduction},
      {{"muon", "spectral", "msign(G), no momentum"}, Family::mini_batch},
      {{"muon-momentum", "spectral", "msign(M), EMA momentum"}, Family::momentum},
      {{"muonlight", "spectral", "Muon with Nesterov momentum: matrix Lion"}, Family::muonlight},
      {{"muon-extrapolation", "spectral", "msign(M), gradients at extrapolated points"}, Family::extrapolation},
      {{"muon-mvr", "spectral", "msign(M), momentum variance reduction"}, Family::variance_reduction},
      {{"adagrad", "sign", "g_i over the root of the sum of its squares (needs dimension)"}, Family::adagrad},
      {{"row-normalized-sgd", "row-wise", "row-normalized G, no momentum"}, Family::mini_batch},
      {{"column-normalized-sgd", "column-wise", "column-normalized G, no momentum"}, Family::mini_batch},
      {{"norm-descent", "", "dual map of G in any norm, no momentum"}, Family::mini_batch},
  };
  return all;
}

const GeometryBounds& bounds_of(std::string_view geometry) {
  static const GeometryBounds any{.geometry = "any",
                                  .stationarity = "its dual norm",
                                  .noise = any_noise,
                                  .deterministic = derived_here("L5 in one dimension"),
                                  .without_momentum = derived_here("L1 in one dimension")};
  const auto found = std::ranges::find(table(), geometry, &GeometryBounds::geometry);
  return found == table().end() ? any : *found;
}

void require_geometry(const ProblemConstants& constants, std::string_view geometry, std::string_view because) {
  if (constants.geometry == geometry) return;
  throw std::invalid_argument("geometry = " + constants.geometry + ", must be " + std::string(geometry) +
                              std::string(because));
}

}  // namespace normdescent::theory
