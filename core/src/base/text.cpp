// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace normdescent {
namespace {

// std::to_chars and not printf: a locale with a decimal comma must not change tables or files.
std::string to_text(double value, std::chars_format format, int precision) {
  std::array<char, 400> buffer{};  // fixed format of the largest double needs 309 digits
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, precision);
  return error == std::errc{} ? std::string(buffer.data(), end) : std::string("-");
}

std::string two_digits(long long value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  if (value == 0.0) return "0";
  const std::string scientific = to_text(value, std::chars_format::scientific, digits - 1);
  // The exponent after rounding (9.996 -> 10.0) decides how many decimals there are.
  const int exponent = std::atoi(scientific.substr(scientific.find('e') + 1).c_str());
  if (exponent < -4 || exponent >= 7) return scientific;
  return to_text(value, std::chars_format::fixed, std::max(0, digits - 1 - exponent));
}

std::string fixed(double value, int decimals) {
  return std::isfinite(value) ? to_text(value, std::chars_format::fixed, decimals) : "-";
}

std::string grouped(long long value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0) return "-";
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  const long long whole = std::llround(seconds);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + two_digits(whole / 60 % 60) + " min";
}

std::string as_sentence(std::string clause) {
  if (clause.empty()) return clause;
  if (clause.front() >= 'a' && clause.front() <= 'z') clause.front() = static_cast<char>(clause.front() - 'a' + 'A');
  if (clause.back() != '.') clause += '.';
  return clause;
}

}  // namespace normdescent
