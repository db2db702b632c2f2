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

/// Bytes of the UTF-8 character at the start of `bytes`; 0: there is none (overlong, surrogate, beyond U+10FFFF, cut).
std::size_t utf8_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  const unsigned first = at(0);
  if (first < 0x80U) return 1;
  if (first < 0xC2U || first > 0xF4U) return 0;
  const std::size_t length = first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
  // The second byte rules out what fewer bytes could say, surrogates, and what lies beyond the last character.
  const unsigned low = first == 0xE0U ? 0xA0U : first == 0xF0U ? 0x90U : 0x80U;
  const unsigned high = first == 0xEDU ? 0x9FU : first == 0xF4U ? 0x8FU : 0xBFU;
  if (at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (at(i) < 0x80U || at(i) > 0xBFU) return 0;
  return length;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";

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

std::string utf8_text(std::string_view bytes) {
  bool is_plain = bytes.find("\\x") == std::string_view::npos;
  for (std::size_t at = 0; is_plain && at < bytes.size();) {
    const std::size_t length = utf8_length(bytes.substr(at));
    is_plain = length > 0;
    at += length;
  }
  if (is_plain) return std::string(bytes);
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = utf8_length(bytes.substr(at));
    const auto byte = static_cast<unsigned char>(bytes[at]);
    if (length == 0) {
      text += {'\\', 'x', kHexDigits[byte / 16U], kHexDigits[byte % 16U]};
    } else {
      text += byte == '\\' ? "\\\\" : bytes.substr(at, length);
    }
    at += std::max<std::size_t>(1, length);
  }
  return text;
}

std::string bytes_of_utf8_text(std::string_view text) {
  if (text.find("\\x") == std::string_view::npos) return std::string(text);
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digit = [&](std::size_t i) {
      return i < text.size() ? kHexDigits.find(text[i]) : std::string_view::npos;
    };
    if (text[at] != '\\') {
      bytes += text[at];
    } else if (text.substr(at, 2) == "\\x" && digit(at + 2) < 16 && digit(at + 3) < 16) {
      bytes += static_cast<char>(16 * digit(at + 2) + digit(at + 3));
      at += 3;
    } else {
      at += text.substr(at, 2) == "\\\\" ? 1 : 0;
      bytes += '\\';
    }
  }
  return bytes;
}

}  // namespace normdescent
