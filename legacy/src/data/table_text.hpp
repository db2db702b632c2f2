// SPDX-License-Identifier: Apache-2.0
// What the readers of tables share: lines, numbers, classes, and how to refuse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/data/table.hpp"

namespace normdescent {

struct TextPlace {
  const std::string& file;
  std::int64_t line;  ///< from 1
};

/// Throws UserError "file:line: problem".
[[noreturn]] void refuse_at(const TextPlace& place, const std::string& problem, const std::string& hint = {});

/// The next line of `rest` without its end (\n or \r\n); `rest` loses it.
[[nodiscard]] std::string_view take_line(std::string_view& rest);

[[nodiscard]] std::string_view trimmed(std::string_view text);

/// The whole of `text` as a number, NaN and infinities included; empty if it is none.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// A cell in an error message: cut where it is long.
[[nodiscard]] std::string shown(std::string_view cell);

/// Sets classes and labels from one label text a row. Numbers that are equal are one class ("1", "+1", "1.0").
/// Throws UserError for no rows, one class, or more than kMaxTableClasses.
void set_classes(Table& table, const std::vector<std::string>& labels);

}  // namespace normdescent
