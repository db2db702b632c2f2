// SPDX-License-Identifier: Apache-2.0
// The part of a LabProblem that is the same for all problems with additive noise.
#pragma once

#include <cmath>
#include <span>
#include <stdexcept>
#include <string>

#include "normdescent/lab/problems.hpp"

namespace normdescent::lab {

inline void require(bool holds, const char* field, double value, const char* demand) {
  if (!holds) throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + demand);
}

/// Uniform in (0, 1): number `coordinate` of item `index`.
inline double uniform_at(RandomStream stream, std::uint64_t index, std::uint64_t coordinate) {
  return Philox(stream.seed, stream.stream + (coordinate << 20U), index).uniform();
}

class AdditiveNoiseProblem : public LabProblem {
 public:
  [[nodiscard]] const Claims& claims() const override { return claims_; }
  void sample(std::span<const double> x, RandomStream stream, std::uint64_t index, std::span<double> g) const override {
    gradient(x, g);
    for (std::size_t i = 0; i < noise_.sigma.size(); ++i) {
      g[i] += noise_.sigma[i] * noise_.law.draw({stream.seed, stream.stream + (i << 20U)}, index);
    }
  }

 protected:
  AdditiveNoiseProblem(AdditiveNoise noise, std::size_t dimension) : noise_(std::move(noise)) {
    if (!noise_.sigma.empty() && noise_.sigma.size() != dimension) {
      throw std::invalid_argument("noise.sigma = " + std::to_string(noise_.sigma.size()) +
                                  " entries, must be none or one a coordinate: " + std::to_string(dimension));
    }
    for (const double s : noise_.sigma) require(s >= 0 && std::isfinite(s), "noise.sigma", s, ">= 0 and finite");
    claims_.noise = {.tail = noise_.law.tail(), .sigma = noise_.sigma};
  }

  Claims claims_;

 private:
  AdditiveNoise noise_;
};

/// max over sign vectors of s^T H s, H symmetric d x d, d <= 16: all 2^(d-1) of them.
double largest_sign_form(std::span<const double> h, std::size_t d);

/// d x d, rows orthonormal.
std::vector<double> random_orthogonal(std::size_t d, std::uint64_t seed);

}  // namespace normdescent::lab
