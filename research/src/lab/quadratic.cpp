// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/quadratic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

#include "elementwise.hpp"
#include "normdescent/base/multiversion.hpp"

namespace normdescent::lab {

namespace {

// Sums run in kLanes fixed partial sums, so that the objective does not depend on the instruction set.
constexpr std::size_t kLanes = 64;
constexpr std::size_t kBlock = 1024;  // coordinates per block of normals: stays in the first-level cache

using Lanes = std::array<float, kLanes>;

/// Rows of kLanes coordinates. `noise` is sigma, `normal` the block's draws; both unused where `noisy` is false.
template <bool noisy, class R>
NORMDESCENT_MULTIVERSION void step_block(const R& rule, const float* __restrict curvature,
                                         const float* __restrict noise, const float* __restrict normal,
                                         float* __restrict x, float* __restrict state, std::size_t count, Lanes& sums) {
  const R r = rule;
  Lanes total = sums;
  for (std::size_t row = 0; row < count; row += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const std::size_t i = row + l;
      const float exact = curvature[i] * x[i];
      total[l] += exact * x[i];
      const float g = noisy ? exact + noise[i] * normal[i] : exact;
      if constexpr (R::state_count == 0) {
        r(x[i], g);
      } else {
        r(x[i], g, state[i]);
      }
    }
  }
  sums = total;
}

double half_sum(const Lanes& sums) {
  double total = 0.0;
  for (const float s : sums) total += static_cast<double>(s);
  return 0.5 * total;
}

AlignedVector<float> padded(std::span<const float> values, std::size_t size) {
  AlignedVector<float> out(size, 0.0F);
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

void require(bool holds, const char* array, const char* demand) {
  if (!holds) throw std::invalid_argument(std::string(array) + ", must be " + demand);
}

}  // namespace

QuadraticRun::QuadraticRun(std::span<const float> curvature, std::span<const float> noise, std::span<const float> start,
                           RandomStream stream)
    : size_(curvature.size()), stream_(stream) {
  const auto bad = [](float v) { return !(v >= 0.0F) || !std::isfinite(v); };
  require(size_ > 0 && std::none_of(curvature.begin(), curvature.end(), bad), "curvature",
          "finite and >= 0, not empty");
  require(start.size() == size_ && std::all_of(start.begin(), start.end(), [](float v) { return std::isfinite(v); }),
          "start", "finite and as long as curvature");
  require((noise.empty() || noise.size() == size_) && std::none_of(noise.begin(), noise.end(), bad), "noise",
          "empty, or finite, >= 0 and as long as curvature");
  const std::size_t full = (size_ + kLanes - 1) / kLanes * kLanes;
  curvature_ = padded(curvature, full);
  x_ = padded(start, full);
  if (!noise.empty()) noise_ = padded(noise, full);
}

template <rules::Rule R>
double QuadraticRun::step(const R& rule) {
  if (R::state_count == 1 && state_.empty()) state_.assign(x_.size(), 0.0F);
  float* state = state_.empty() ? nullptr : state_.data();
  Lanes sums{};
  if (noise_.empty()) {
    step_block<false>(rule, curvature_.data(), nullptr, nullptr, x_.data(), state, x_.size(), sums);
  } else {
    alignas(64) std::array<float, kBlock> normal;
    for (std::size_t first = 0; first < x_.size(); first += kBlock) {
      const std::size_t count = std::min(kBlock, x_.size() - first);
      fill_normal(stream_, static_cast<std::uint64_t>(steps_) * x_.size() + first, std::span(normal).first(count));
      step_block<true>(rule, curvature_.data() + first, noise_.data() + first, normal.data(), x_.data() + first,
                       state == nullptr ? nullptr : state + first, count, sums);
    }
  }
  ++steps_;
  return half_sum(sums);
}

double QuadraticRun::value() const {
  double total = 0.0;
  for (std::size_t i = 0; i < size_; ++i) total += static_cast<double>(curvature_[i]) * x_[i] * x_[i];
  return 0.5 * total;
}

template double QuadraticRun::step(const SgdRule<float>&);
template double QuadraticRun::step(const SignSgdRule<float>&);
template double QuadraticRun::step(const SignumRule<float>&);
template double QuadraticRun::step(const LionRule<float>&);
template double QuadraticRun::step(const MomentumRule<float>&);

}  // namespace normdescent::lab
