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

/// A position in [wanted, text.size()] at which every pre-tokenization of `text` has a cut, whatever stands before it:
/// text may be encoded in parts that begin there. The first one found; text.size() if there is none.
[[nodiscard]] std::size_t safe_cut(std::string_view text, std::size_t wanted);

}  // namespace normdescent
