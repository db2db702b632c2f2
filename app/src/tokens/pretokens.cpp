// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/pretokens.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <utf8proc.h>

namespace normdescent {
namespace {

enum class Kind : std::uint8_t { letter, number, space, other };

struct Character {
  Kind kind;
  std::size_t length;  ///< in bytes
};

// Unicode's White_Space property, which utf8proc has no query for.
bool is_space(utf8proc_int32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

Kind kind_of(utf8proc_int32_t c) {
  if (is_space(c)) return Kind::space;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return Kind::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return Kind::number;
    default: return Kind::other;
  }
}

// Almost all text is ASCII, so its classes are looked up.
const std::array<Kind, 128>& ascii_kinds() {
  static const auto kinds = [] {
    std::array<Kind, 128> table{};
    for (std::size_t c = 0; c < table.size(); ++c) table[c] = kind_of(static_cast<utf8proc_int32_t>(c));
    return table;
  }();
  return kinds;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), ascii_(ascii_kinds()) {}

  [[nodiscard]] Character at(std::size_t i) const {
    const auto byte = static_cast<unsigned char>(text_[i]);
    if (byte < 0x80) return {ascii_[byte], 1};
    utf8proc_int32_t c = -1;
    const auto available = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(4, text_.size() - i));
    const auto read = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text_.data()) + i, available, &c);
    if (read <= 0 || c < 0) return {Kind::other, 1};
    return {kind_of(c), static_cast<std::size_t>(read)};
  }

  /// First position at or after `i` whose character is of another kind.
  [[nodiscard]] std::size_t run_end(std::size_t i, Kind kind) const {
    while (i < text_.size()) {
      const Character next = at(i);
      if (next.kind != kind) break;
      i += next.length;
    }
    return i;
  }

  /// Length of the contraction ('s, 't, 're, 've, 'm, 'll, 'd) at `i`, 0 if there is none.
  [[nodiscard]] std::size_t contraction(std::size_t i) const {
    if (text_[i] != '\'' || i + 1 >= text_.size()) return 0;
    const char first = text_[i + 1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (i + 2 >= text_.size()) return 0;
    const char second = text_[i + 2];
    const bool two_letters =
        (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return two_letters ? 3 : 0;
  }

  /// End of the white-space pre-token at `begin`: the run keeps its last character for what follows, if it has two.
  [[nodiscard]] std::size_t space_end(std::size_t begin) const {
    std::size_t last = begin;  // where the run's last character starts
    std::size_t end = begin;
    while (end < text_.size()) {
      const Character next = at(end);
      if (next.kind != Kind::space) return last > begin ? last : end;
      last = end;
      end += next.length;
    }
    return end;
  }

 private:
  std::string_view text_;
  const std::array<Kind, 128>& ascii_;
};

/// Whether no alternative of the pattern takes two such neighbours, whatever stands around them. A space takes the word
/// behind it, spaces take each other, a quote takes the letters of a contraction; nothing else is taken together with
/// another kind.
bool is_cut_between(Kind before, char first_byte, Kind next) {
  if (before == Kind::space || before == next) return false;
  return !(first_byte == '\'' && next == Kind::letter);
}

}  // namespace

std::size_t pretoken_end(std::string_view text, std::size_t begin) {
  const Scanner scanner(text);
  if (const std::size_t length = scanner.contraction(begin); length > 0) return begin + length;
  // " ?" of the pattern: one blank belongs to the word that follows it.
  const std::size_t word = begin + (text[begin] == ' ' && begin + 1 < text.size() ? 1 : 0);
  const Character first = scanner.at(word);
  if (first.kind == Kind::space) return scanner.space_end(begin);
  return scanner.run_end(word + first.length, first.kind);
}

std::size_t character_begin(std::string_view text, std::size_t wanted) {
  if (wanted >= text.size()) return text.size();
  // Only the first byte of a character is neither ASCII nor 10xxxxxx, so where a valid one begins is seen from here.
  const Scanner scanner(text);
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, wanted); ++back) {
    const auto byte = static_cast<unsigned char>(text[wanted - back]);
    if (byte >= 0x80 && byte < 0xC0) continue;
    return scanner.at(wanted - back).length > back ? wanted - back : wanted;
  }
  return wanted;
}

std::size_t safe_cut(std::string_view text, std::size_t wanted) {
  const Scanner scanner(text);
  std::size_t i = std::max<std::size_t>(wanted, 1);
  if (i >= text.size()) return text.size();
  std::size_t begin = character_begin(text, i - 1);
  Character before = scanner.at(begin);
  while (begin + before.length < text.size()) {
    const std::size_t here = begin + before.length;
    const Character next = scanner.at(here);
    if (here >= i && is_cut_between(before.kind, text[begin], next.kind)) return here;
    begin = here;
    before = next;
  }
  return text.size();
}

}  // namespace normdescent
