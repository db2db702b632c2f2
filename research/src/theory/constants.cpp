// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/constants.hpp"

#include <cmath>

#include "require.hpp"

namespace normdescent {

using namespace theory;

void validate(const ProblemConstants& constants) {
  require_positive("initial_gap", constants.initial_gap);
  require_positive("smoothness", constants.smoothness);
  require_non_negative("noise", constants.noise);
  require_tail(constants.tail);
}

double averaging_exponent(double tail) {
  require_tail(tail);
  return (tail - 1.0) / tail;
}

double averaging_constant(double tail) {
  require_tail(tail);
  return std::exp2((2.0 - tail) / tail);
}

double batch_noise(const ProblemConstants& constants, double batch) {
  require_at_least_one("batch", batch);
  return constants.noise * std::pow(batch, -averaging_exponent(constants.tail));
}

double largest_start_gradient(const ProblemConstants& constants) {
  validate(constants);
  return std::sqrt(2.0 * constants.smoothness) * std::sqrt(constants.initial_gap);
}

}  // namespace normdescent
