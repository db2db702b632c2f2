// SPDX-License-Identifier: Apache-2.0
// Damage of every kind, the same for the same random numbers.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "normdescent/base/philox.hpp"

namespace normdescent::fuzz {

/// Words that parsers of the formats at hand look at closely.
inline constexpr std::array<std::string_view, 22> kWords{"[",
                                                         "]",
                                                         "{",
                                                         "}",
                                                         "\"",
                                                         ",",
                                                         ":",
                                                         "\n",
                                                         " ",
                                                         "0",
                                                         "-1",
                                                         "18446744073709551615",
                                                         "9223372036854775808",
                                                         "1e300",
                                                         "1e-400",
                                                         "nan",
                                                         "null",
                                                         "true",
                                                         "[]",
                                                         "{}",
                                                         "\xff",
                                                         "../../outside"};

/// One change: a byte, a bit, a cut, a copy, a word, a long run of one byte, a number at its limits, a part of `other`.
inline void mutate_once(std::string& text, const std::string& other, Philox& random) {
  const auto at = static_cast<std::size_t>(random.below(text.size() + 1));
  const auto span_at = [&random](const std::string& of, std::size_t begin) {
    const auto most = std::min<std::size_t>(of.size() - begin, 64);
    return static_cast<std::size_t>(random.below(most + 1));
  };
  const auto overwrite = [&](std::string_view with) {
    text.replace(at, std::min(with.size(), text.size() - at), with);
  };
  switch (random.below(10)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      break;
    case 2: text.erase(at, span_at(text, at)); break;
    case 3: text.resize(at); break;
    case 4: text.insert(at, text.substr(at, span_at(text, at))); break;
    case 5: text.insert(at, kWords[random.below(kWords.size())]); break;
    case 6: overwrite(kWords[random.below(kWords.size())]); break;
    case 7: {
      constexpr std::array kEdges{"\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff",
                                  "\xff\xff\xff\xff\xff\xff\xff\x7f", "\xff\xff\xff\x7f\xff\xff\xff\x7f",
                                  "\x00\x00\x40\x00\x00\x00\x40\x00"};
      overwrite({kEdges[random.below(kEdges.size())], std::size_t{1} << random.below(4)});
      break;
    }
    case 8: {
      const auto from = static_cast<std::size_t>(random.below(other.size() + 1));
      text.insert(at, other.substr(from, span_at(other, from)));
      break;
    }
    default: {  // rarely long: the stack and quadratic costs
      const std::size_t count = random.below(8) == 0 ? 200'000 : 300;
      constexpr std::string_view kRepeated = "[{ ,\na0\"";
      std::string run(count, kRepeated[random.below(kRepeated.size())]);
      if (run.front() == '{') {  // objects nest by keys
        run.clear();
        for (std::size_t i = 0; i < count / 4; ++i) run += "{\"\":";
      }
      text.insert(at, run);
    }
  }
}

inline std::string mutated(std::string text, const std::string& other, Philox& random) {
  for (auto changes = 1 + random.below(4); changes > 0; --changes) mutate_once(text, other, random);
  return text;
}

}  // namespace normdescent::fuzz
