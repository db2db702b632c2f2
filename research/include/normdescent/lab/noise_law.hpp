// SPDX-License-Identifier: Apache-2.0
// Laws of centred scalar noise with a known p-th absolute moment (theory 3.5).
#pragma once

#include "normdescent/base/philox.hpp"
#include "normdescent/lab/random.hpp"

namespace normdescent::lab {

enum class NoiseKind {
  gaussian,
  two_point,  ///< X = 1/q - 1 with probability q, else -1: almost always on the wrong side of the mean's sign
  lomax,      ///< +-(U^(-1/alpha) - 1), tail index alpha
  pareto,     ///< +-U^(-1/alpha)
  student,    ///< t with nu degrees of freedom
  stable,     ///< symmetric alpha-stable; alpha = 2 is N(0, 2)
};

/// X scaled so that E|X|^p = 1.
class NoiseLaw {
 public:
  /// `shape`: q in (0, 1) for two_point, alpha > p for lomax and pareto, nu > p for student, alpha in (p, 2] or
  /// p = alpha = 2 for stable; unused for gaussian. Throws std::invalid_argument "shape = ..., must be ...".
  NoiseLaw(NoiseKind kind, double tail, double shape = 0.0);

  [[nodiscard]] NoiseKind kind() const { return kind_; }
  [[nodiscard]] double tail() const { return tail_; }
  /// E|X|^p of the unscaled law.
  [[nodiscard]] double raw_moment() const { return moment_; }

  /// From two independent uniforms in (0, 1).
  [[nodiscard]] double draw(double u, double v) const;
  /// Number `index` of a stream: a pure function.
  [[nodiscard]] double draw(RandomStream stream, std::uint64_t index) const {
    const auto words = philox4x32(stream.seed, index, stream.stream);
    const auto uniform = [](std::uint32_t low, std::uint32_t high) {
      const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32U) | low;
      return (static_cast<double>(bits >> 11U) + 0.5) * 0x1.0p-53;
    };
    return draw(uniform(words[0], words[1]), uniform(words[2], words[3]));
  }

 private:
  NoiseKind kind_;
  double tail_;
  double shape_;
  double moment_ = 1.0;
  double scale_ = 1.0;
};

}  // namespace normdescent::lab
