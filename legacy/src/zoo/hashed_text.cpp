// SPDX-License-Identifier: Apache-2.0
#include "hashed_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "normdescent/data/corpus.hpp"
#include "zoo_text.hpp"

namespace normdescent {
namespace {

constexpr std::size_t kPiece = 48;

using Bytes = std::span<const std::uint8_t>;

struct Kinds {
  std::array<std::shared_ptr<const Corpus>, kHashedClasses> text;
};

/// Training and held-out examples are drawn alike, from different parts of the texts.
DrawClass draw_from(std::shared_ptr<const Kinds> kinds, bool is_held_out) {
  return [kinds = std::move(kinds), is_held_out](Philox& random, std::span<float> inputs) {
    const auto label = random.below(kHashedClasses);
    const Corpus& text = *kinds->text[label];
    const Bytes bytes = is_held_out ? text.validation() : text.training();
    const Bytes piece = bytes.subspan(random.below(bytes.size() - kPiece + 1), kPiece);
    std::fill(inputs.begin(), inputs.end(), 0.0F);
    const auto unit = static_cast<float>(1.0 / std::sqrt(static_cast<double>(kPiece - 2)));
    for (std::size_t i = 0; i + 2 < kPiece; ++i) {
      const std::uint32_t trigram =
          (std::uint32_t{piece[i]} << 16U) | (std::uint32_t{piece[i + 1]} << 8U) | piece[i + 2];
      // Multiplicative hashing (Knuth): the upper ten bits.
      inputs[(trigram * 2654435761U) >> 22U] += unit;
    }
    return static_cast<std::int64_t>(label);
  };
}

}  // namespace

ExampleSource hashed_text_source() {
  constexpr std::int64_t kBytes = std::int64_t{1} << 20U;
  const auto kinds = std::make_shared<const Kinds>(
      Kinds{{std::make_shared<const Corpus>(load_system_headers("/usr/include/c++", kBytes)), zoo_corpus(ZooText::code),
             zoo_corpus(ZooText::prose)}});
  for (const auto& text : kinds->text) text->require_window(kPiece);
  ExampleSource source = drawn_classes({kHashedColumns}, draw_from(kinds, false), 1);
  ExampleSource held_out = drawn_classes({kHashedColumns}, draw_from(kinds, true), 512);
  source.held_out = std::move(held_out.held_out);
  source.hash ^= held_out.hash;
  return source;
}

}  // namespace normdescent
