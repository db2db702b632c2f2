// SPDX-License-Identifier: Apache-2.0
// Moves an objective's parameters along directions and brings them back bit-equally, also when an exception passes.
#pragma once

#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"

namespace normdescent::probe_detail {

/// x = x - step d from the present values, d flat.
void advance(std::span<const Parameter> parameters, std::span<const float> direction, double step);

/// Remembers the values at construction; the destructor writes them back.
class MovingPoint {
 public:
  explicit MovingPoint(std::span<const Parameter> parameters);
  MovingPoint(const MovingPoint&) = delete;
  MovingPoint& operator=(const MovingPoint&) = delete;
  ~MovingPoint() {
    if (!is_released_) restore();
  }

  /// x = x_0 - step d, d flat; from the remembered values, so moves do not add up.
  void move_to(std::span<const float> direction, double step);
  /// x = x_0.
  void restore();
  /// The destructor leaves the parameters where they are then.
  void release() { is_released_ = true; }

 private:
  std::span<const Parameter> parameters_;
  std::vector<float> origin_;
  bool is_released_ = false;
};

/// x = x_0 - step d while it lives, without a copy of x_0: the buffer of d keeps x_0 meanwhile.
class Excursion {
 public:
  /// `direction` (flat) holds d on entry.
  Excursion(std::span<const Parameter> parameters, std::span<float> direction, double step);
  Excursion(const Excursion&) = delete;
  Excursion& operator=(const Excursion&) = delete;
  ~Excursion() { end(); }

  /// x = x_0 bit for bit; the buffer holds x_0 - x, the step as it was taken.
  void end();

 private:
  std::span<const Parameter> parameters_;
  std::span<float> buffer_;
  bool is_over_ = false;
};

}  // namespace normdescent::probe_detail
