// SPDX-License-Identifier: Apache-2.0
// Tail index of gradient noise from few samples of many scalars: how fast sums of m samples grow, m^(1/alpha).
//
// Legend   x_k centred sample k = 1 .. K of one series   Y_m a sum of m samples   alpha tail index (2: finite variance)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/statistics/estimate.hpp"

namespace normdescent {

/// What one estimate says about the variance: two standard errors decide.
enum class TailVerdict { not_measured, heavy, undecided, finite_variance };
[[nodiscard]] const char* to_string(TailVerdict verdict);

/// Samples of `series` scalars, one row a micro-batch. NaN: left out, as an exact 0 of a sparse gradient may be.
struct ScalarSamples {
  std::size_t series = 0;
  std::vector<double> values;  ///< (count, series) row-major

  [[nodiscard]] std::size_t count() const { return series == 0 ? 0 : values.size() / series; }
};

/// Records fixed random coordinates of the gradient and fixed sparse random projections (sums of `projection_width`
/// coordinates with random signs): a few hundred scalars a micro-batch, whatever the dimension.
class ScalarSampler {
 public:
  ScalarSampler(std::span<const Parameter> parameters, int coordinates, int projections, std::uint64_t seed,
                int projection_width = 256);
  /// Takes the current gradients as the next sample. Empty gradients read as 0.
  void add(std::span<const Parameter> parameters);
  [[nodiscard]] const ScalarSamples& coordinates() const { return coordinates_; }
  [[nodiscard]] const ScalarSamples& projections() const { return projections_; }

 private:
  struct Place {
    std::uint32_t tensor;
    float sign;
    Index index;
  };
  std::vector<Place> places_;  // coordinates first, then the projections' terms
  std::size_t width_ = 0;
  ScalarSamples coordinates_;
  ScalarSamples projections_;
};

/// E4' (two scales) with E4 (one scale) as companion. Values near 2 mean finite variance; 0 means not measured.
struct TailIndex {
  Estimate two_scale;        ///< E4': 1/alpha = (mean log|Y_m2| - mean log|Y_m1|) / log(m2 / m1)
  double one_scale = 0.0;    ///< E4: the same with m1 = 1; reads 1.7 for finite-variance tails (theory 7.2)
  std::int64_t samples = 0;  ///< K
  std::int64_t series = 0;   ///< scalars that took part; 0: not measured
  int small_block = 0;       ///< m1
  int large_block = 0;       ///< m2
  double repeated = 0.0;     ///< share of the entries that repeat one value of their series; they were left out
  std::string reason;        ///< why not measured, where samples and series do not say it

  /// Heavy where two_scale lies two standard errors below 1.65: laws with a finite variance and heavy tails read down
  /// to 1.7 (theory 7.2, docs/statistics.md). Finite where it is within two standard errors of 2, and they below 0.1.
  [[nodiscard]] TailVerdict verdict() const;
  /// The moment order to compute with: 2, or where the verdict is heavy two_scale, at least 1.05.
  [[nodiscard]] double moment_order() const;
  /// One sentence with the value, its error and what it can and cannot say.
  [[nodiscard]] std::string explanation() const;
};

/// Pools the series: logs are averaged over all of them, so that their scales do not matter.
///
/// Repeats   a value that is more than 1/16 of its series and there more than 3 times is left out: exact zeros of
/// sparse
///           gradients, lattices. A mixture of zeros and a law has the law's tail. A series then needs 16 values; those
///           with fewer than the lower quartile of the series' numbers take no part.
/// Each series is centred by its own mean; that shrinks sums of m out of K samples of an alpha-stable law by
/// ((1 - m/K)^alpha + (K - m)/m (m/K)^alpha)^(1/alpha), which is divided out (bisection on alpha in [0.2, 50]; a
/// solution at the end of it is none). Sums are taken over 8 fixed random orders of the samples, which are
/// exchangeable. m2 = K/4 (at most 100), m1 = m2^(1/2), K the quartile above. Accuracy  two_scale's standard error is a
/// delete-a-group jackknife over 8 groups of samples (series share samples, so
///           their number does not shrink it without limit). Needs 16 samples; less gives the "not measured" value.
/// Source    theory 7.2; Mohammadi et al. 2015 for E4.
[[nodiscard]] TailIndex estimate_tail_index(const ScalarSamples& samples, std::uint64_t seed = 0);

}  // namespace normdescent
