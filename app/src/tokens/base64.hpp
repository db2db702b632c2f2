// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, with padding), as files of ranks spell token bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace normdescent::tokens {

[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Empty if `text` is not valid: other characters, wrong length or padding.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace normdescent::tokens
