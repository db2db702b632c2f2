// SPDX-License-Identifier: Apache-2.0
#include "require.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace normdescent::theory {

std::string to_text(double value) {
  // Not printf: a locale with a decimal comma must not change messages.
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 10);
  return std::string(buffer.data(), end.ptr);
}

void refuse(std::string_view field, double value, std::string_view domain) {
  throw std::invalid_argument(std::string(field) + " = " + to_text(value) + ", must be " + std::string(domain));
}

void require_positive(std::string_view field, double value) {
  if (!(value > 0.0) || !std::isfinite(value)) refuse(field, value, "positive and finite");
}

void require_non_negative(std::string_view field, double value) {
  if (!(value >= 0.0) || !std::isfinite(value)) refuse(field, value, "non-negative and finite");
}

void require_at_least_one(std::string_view field, double value) {
  if (!(value >= 1.0) || !std::isfinite(value)) refuse(field, value, "at least 1 and finite");
}

void require_fraction(std::string_view field, double value) {
  if (!(value > 0.0 && value <= 1.0)) refuse(field, value, "in (0, 1]");
}

void require_tail(double tail) {
  if (!(tail > 1.0 && tail <= 2.0)) refuse("tail", tail, "in (1, 2]");
}

void require_density(std::string_view dimension_field, double dimension, std::string_view density_field,
                     double density) {
  require_at_least_one(dimension_field, dimension);
  if (density >= (1.0 - 1e-12) / dimension && density <= 1.0) return;
  refuse(density_field, density,
         "in [1/" + std::string(dimension_field) + ", 1] = [" + to_text(1.0 / dimension) + ", 1]");
}

void require_target(const ProblemConstants& constants, double epsilon) {
  const double largest = largest_start_gradient(constants);
  if (epsilon > 0.0 && epsilon < largest) return;
  refuse("epsilon", epsilon,
         "in (0, " + to_text(largest) + "): the start satisfies ||grad f|| <= sqrt(2 L Delta) = " + to_text(largest) +
             " already");
}

}  // namespace normdescent::theory
