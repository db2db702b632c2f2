// SPDX-License-Identifier: Apache-2.0
#include "byte_alphabet.hpp"

#include <array>

#include <utf8proc.h>

namespace normdescent::tokens {
namespace {

bool is_printable(int byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }

constexpr std::size_t kCharacters = 0x100 + 68;  // 68 bytes are not printable

}  // namespace

const std::string& bytes_in_gpt2_order() {
  static const std::string order = [] {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) {
      if (is_printable(byte)) bytes += static_cast<char>(byte);
    }
    for (int byte = 0; byte < 256; ++byte) {
      if (!is_printable(byte)) bytes += static_cast<char>(byte);
    }
    return bytes;
  }();
  return order;
}

std::optional<std::string> from_byte_alphabet(std::string_view spelled) {
  static const auto bytes = [] {
    std::array<int, kCharacters> table{};
    table.fill(-1);
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte) table[static_cast<std::size_t>(is_printable(byte) ? byte : next++)] = byte;
    return table;
  }();
  std::string out;
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(spelled.data());
  for (std::size_t i = 0; i < spelled.size();) {
    utf8proc_int32_t c = -1;
    const auto read = utf8proc_iterate(data + i, static_cast<utf8proc_ssize_t>(spelled.size() - i), &c);
    if (read <= 0 || c < 0 || static_cast<std::size_t>(c) >= bytes.size() || bytes[static_cast<std::size_t>(c)] < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(bytes[static_cast<std::size_t>(c)]);
    i += static_cast<std::size_t>(read);
  }
  return out;
}

}  // namespace normdescent::tokens
