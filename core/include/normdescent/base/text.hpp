// SPDX-License-Identifier: Apache-2.0
// Text for people: tables, reports, messages. The same value gives the same text everywhere.
#pragma once

#include <string>
#include <string_view>

namespace normdescent {

/// `value` with `digits` significant digits, without an exponent between 1e-4 and 1e7: 0.00316, 2.66, 124000, 1.2e-05.
/// Trailing zeros are kept (2.50), so columns line up. NaN and infinities: "-".
[[nodiscard]] std::string significant(double value, int digits = 3);

/// `value` with `decimals` digits after the point. NaN and infinities: "-".
[[nodiscard]] std::string fixed(double value, int decimals);

/// A whole number with thousands separated by commas: 124,439,808.
[[nodiscard]] std::string grouped(long long value);

/// A duration in seconds as "0.8 s", "42 s", "3 min 05 s", "2 h 10 min".
[[nodiscard]] std::string duration(double seconds);

/// A sentence from a clause: a capital at its start, a full stop at its end.
[[nodiscard]] std::string as_sentence(std::string clause);

/// Any bytes (a path, a command line, a name from a file) as valid UTF-8, so that they can stand in JSON: valid UTF-8
/// is left as it is, any other byte becomes "\xHH". Nothing is lost: bytes_of_utf8_text gives the same bytes back, for
/// which backslashes are doubled in texts that have such a byte, or that hold "\x" themselves.
[[nodiscard]] std::string utf8_text(std::string_view bytes);
[[nodiscard]] std::string bytes_of_utf8_text(std::string_view text);

}  // namespace normdescent
