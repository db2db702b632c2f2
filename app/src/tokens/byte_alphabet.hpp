// SPDX-License-Identifier: Apache-2.0
// GPT-2's files spell bytes as printable characters: those of Latin-1 stand for themselves, the others for U+0100 on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace normdescent::tokens {

/// The bytes in the order in which GPT-2 numbers them: printable ones first.
[[nodiscard]] const std::string& bytes_in_gpt2_order();
/// "Ġthe" -> " the". Empty optional for a character that is no byte's.
[[nodiscard]] std::optional<std::string> from_byte_alphabet(std::string_view spelled);

}  // namespace normdescent::tokens
