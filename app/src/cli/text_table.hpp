// SPDX-License-Identifier: Apache-2.0
// Tables for a terminal: columns as wide as their widest cell, two spaces between, numbers to the right.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace normdescent::cli {

class TextTable {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit TextTable(std::vector<Column> columns);
  /// One cell a column. Cells are UTF-8; one code point is taken as one place.
  void add_row(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` broken at spaces into lines of at most `width` places, all but the first starting with `indent` spaces.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t width, std::size_t indent = 0);

}  // namespace normdescent::cli
