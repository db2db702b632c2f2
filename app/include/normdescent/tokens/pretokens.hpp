// SPDX-License-Identifier: Apache-2.0
// GPT-2's pre-tokenization: text is cut into pre-tokens, and byte-pair merges never cross a cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace normdescent {

/// End (exclusive) of the pre-token that starts at `begin` < text.size(): the longest prefix that the pattern
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// takes there, first alternative first (Radford et al. 2019, the encoder published with GPT-2). Unicode classes as in
/// the utf8proc at hand. A byte that is not part of valid UTF-8 counts as a character that is neither letter, number
/// nor space, so every sequence of bytes has a cut. Cost O(length of the pre-token).
[[nodiscard]] std::size_t pretoken_end(std::string_view text, std::size_t begin);

/// Where the character that covers byte `wanted` begins; `wanted` itself for a byte that is part of none, text.size()
/// behind the text. Looks back at most three bytes.
[[nodiscard]] std::size_t character_begin(std::string_view text, std::size_t wanted);

/// A position in [wanted, text.size()] at which every pre-tokenization of `text` has a cut, whatever stands before it:
/// text may be encoded in parts that begin there. The first one between characters of two kinds of any script;
/// text.size() if there is none, as in a text that is one word.
[[nodiscard]] std::size_t safe_cut(std::string_view text, std::size_t wanted);

}  // namespace normdescent
