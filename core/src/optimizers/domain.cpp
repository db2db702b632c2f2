// SPDX-License-Identifier: Apache-2.0
#include "domain.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace normdescent::optimizers {

std::string to_text(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool Domain::contains(double value) const {
  return std::isfinite(value) && (is_low_open ? value > low : value >= low) &&
         (is_high_open ? value < high : value <= high);
}

std::string Domain::text() const {
  std::string text(1, is_low_open ? '(' : '[');
  text.append(to_text(low)).append(", ").append(to_text(high)).push_back(is_high_open ? ')' : ']');
  return text;
}

void Problems::check(const char* field, double value, const Domain& domain) {
  if (!domain.contains(value)) {
    add(std::string(field) + " = " + to_text(value) + ", must be in " + domain.text());
  }
}

void Problems::throw_if_any() const {
  if (problems_.empty()) return;
  std::string message = subject_ + ": " + problems_.front();
  for (std::size_t i = 1; i < problems_.size(); ++i) message += "; " + problems_[i];
  throw std::invalid_argument(message);
}

}  // namespace normdescent::optimizers
