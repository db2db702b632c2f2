// SPDX-License-Identifier: Apache-2.0
#include "moving_point.hpp"

#include <algorithm>

#include "normdescent/base/multiversion.hpp"

namespace normdescent::probe_detail {
namespace {

NORMDESCENT_MULTIVERSION
void subtract_scaled(const float* origin, const float* direction, float step, float* out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = origin[i] - step * direction[i];
}

// (x, d) becomes (x - step d, x).
NORMDESCENT_MULTIVERSION
void leave(float* __restrict x, float* __restrict d, float step, Index n) {
  for (Index i = 0; i < n; ++i) {
    const float origin = x[i];
    x[i] = origin - step * d[i];
    d[i] = origin;
  }
}

// (x, x_0) becomes (x_0, x_0 - x).
NORMDESCENT_MULTIVERSION
void come_back(float* __restrict x, float* __restrict origin, Index n) {
  for (Index i = 0; i < n; ++i) {
    const float step = origin[i] - x[i];
    x[i] = origin[i];
    origin[i] = step;
  }
}

}  // namespace

void advance(std::span<const Parameter> parameters, std::span<const float> direction, double step) {
  std::size_t offset = 0;
  for (const Parameter& p : parameters) {
    subtract_scaled(p.value.data(), direction.data() + offset, static_cast<float>(step), p.value.data(),
                    static_cast<Index>(p.value.size()));
    offset += p.value.size();
  }
}

MovingPoint::MovingPoint(std::span<const Parameter> parameters)
    : parameters_(parameters), origin_(static_cast<std::size_t>(dimension(parameters))) {
  auto out = origin_.begin();
  for (const Parameter& p : parameters_) out = std::copy(p.value.begin(), p.value.end(), out);
}

void MovingPoint::move_to(std::span<const float> direction, double step) {
  std::size_t offset = 0;
  for (const Parameter& p : parameters_) {
    subtract_scaled(origin_.data() + offset, direction.data() + offset, static_cast<float>(step), p.value.data(),
                    static_cast<Index>(p.value.size()));
    offset += p.value.size();
  }
}

void MovingPoint::restore() {
  auto from = origin_.begin();
  for (const Parameter& p : parameters_) {
    const auto to = from + static_cast<std::ptrdiff_t>(p.value.size());
    std::copy(from, to, p.value.begin());
    from = to;
  }
}

Excursion::Excursion(std::span<const Parameter> parameters, std::span<float> direction, double step)
    : parameters_(parameters), buffer_(direction) {
  std::size_t offset = 0;
  for (const Parameter& p : parameters_) {
    leave(p.value.data(), buffer_.data() + offset, static_cast<float>(step), static_cast<Index>(p.value.size()));
    offset += p.value.size();
  }
}

void Excursion::end() {
  if (is_over_) return;
  is_over_ = true;
  std::size_t offset = 0;
  for (const Parameter& p : parameters_) {
    come_back(p.value.data(), buffer_.data() + offset, static_cast<Index>(p.value.size()));
    offset += p.value.size();
  }
}

}  // namespace normdescent::probe_detail
