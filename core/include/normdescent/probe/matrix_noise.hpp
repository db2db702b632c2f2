// SPDX-License-Identifier: Apache-2.0
// Noise of matrix gradients in the spectral geometry, streamed: the nuclear scale tr C^(1/2) and its density.
//
// Legend   G^k gradient of micro-batch k, (m, n)   Gbar their mean   r = min(m, n)   q = max(m, n)
//          C = 1/(K-1) sum_k (G^k - Gbar)(G^k - Gbar)^T, (r, r), on the smaller side
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/probe/noise.hpp"

namespace normdescent {

struct MatrixNoise {
  std::int64_t count = 0;    ///< K; 0: not a matrix, or not measured
  Index rank_bound = 0;      ///< r
  double nuclear = 0.0;      ///< S_nuc = tr C^(1/2)
  double frobenius = 0.0;    ///< (tr C)^(1/2)
  double density = 0.0;      ///< phi_nuc = (tr C^(1/2))^2 / (r tr C) in [1/r, 1]
  double stable_rank = 0.0;  ///< tr C / ||C||_op in [1, r]: how many directions carry the noise
  /// Standard errors of those three: jackknives over groups of samples; NaN where there are no groups.
  double nuclear_error = std::numeric_limits<double>::quiet_NaN();
  double density_error = std::numeric_limits<double>::quiet_NaN();
  double stable_rank_error = std::numeric_limits<double>::quiet_NaN();
  /// S_nuc without each group: the error of a sum over tensors is that of the sums of these, if all tensors saw the
  /// same examples.
  std::vector<double> nuclear_without;
  std::vector<double> density_without;  ///< phi_nuc, likewise
  std::vector<double> spectrum;         ///< eigenvalues of C, ascending: what scales of other norms can be read from
  std::vector<std::vector<double>> spectra_without;  ///< without each group
};

/// Streams C for every tensor of Role::matrix by Welford's update,
///   C_k = C_{k-1} + (k-1)/k D D^T,  D = G^k - Gbar_{k-1},
/// which needs no mean of its own: it reads that of a NoiseAccumulator *before* the sample is added there.
///
/// The terms of C are independent, each of one degree of freedom (Helmert), so that errors come from leaving groups of
/// them out.
///
/// Memory    r^2 floats a matrix and group, and a scratch matrix a thread: for GPT-2's 124M parameters 0.23 copies of
///           them a group.
/// Cost      r^2 q multiply-adds a matrix and sample; a few samples suffice, because every column is one.
/// Bias      negative: about -r / (8 (K-1) q) relative in S_nuc for independent columns, more where columns move
///           together (theory E2).
class MatrixNoiseAccumulator {
 public:
  /// `groups` = 1: without standard errors. Errors need as many samples after the first as groups.
  explicit MatrixNoiseAccumulator(std::span<const Parameter> parameters, int groups = 1);

  /// Takes the current gradients as the next sample. `before` has seen exactly the samples added here so far.
  void add(std::span<const Parameter> parameters, const NoiseAccumulator& before);

  /// One entry a tensor, in order. Cost: eigenvalues, O(r^3), a matrix; with groups one time more a group.
  [[nodiscard]] std::vector<MatrixNoise> summaries() const;

 private:
  [[nodiscard]] MatrixNoise summary(std::size_t tensor) const;

  std::vector<ParameterInfo> infos_;
  std::vector<std::size_t> offsets_;   // of each tensor in the flat mean
  std::vector<std::size_t> matrices_;  // places of the tensors that are
  std::vector<std::size_t> places_;    // of each tensor's sums, (groups, r, r), in covariances_
  std::vector<float> covariances_;     // one block, so that its memory goes back when it is freed
  std::size_t largest_ = 0;
  int groups_;
  std::int64_t count_ = 0;
};

}  // namespace normdescent
