// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "normdescent/base/user_error.hpp"
#include "table_text.hpp"

namespace normdescent {
namespace {

/// The next word of `rest`, which loses it; empty at the end.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::size_t end = std::min(rest.size(), rest.find_first_of(" \t"));
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

struct Cell {
  std::uint32_t index;
  float value;
};

Cell parse_cell(std::string_view word, const TextPlace& place) {
  const std::size_t colon = std::min(word.size(), word.find(':'));
  Cell cell{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + colon, cell.index);
  if (colon == word.size() || error != std::errc{} || end != word.data() + colon) {
    refuse_at(place, shown(word) + " must be index:value with a whole index below 2^32");
  }
  const auto value = parse_number(word.substr(colon + 1));
  if (!value) refuse_at(place, shown(word) + ": the value must be a number");
  if (!std::isfinite(static_cast<float>(*value)))
    refuse_at(place, shown(word) + ": the value must be finite in float32");
  cell.value = static_cast<float>(*value);
  return cell;
}

}  // namespace

Table parse_libsvm(std::string_view text, const std::string& name) {
  Table table;
  table.source = name;
  table.is_sparse = true;
  std::vector<std::string> labels;
  TextPlace place{name, 0};
  for (std::string_view rest = text; !rest.empty();) {
    ++place.line;
    std::string_view line = take_line(rest);
    line = line.substr(0, line.find('#'));
    const std::string_view label = take_word(line);
    if (label.empty()) continue;
    if (label.find(':') != std::string_view::npos) refuse_at(place, "the row has no label before " + shown(label));
    if (const auto number = parse_number(label); number && !std::isfinite(*number)) {
      refuse_at(place, "the label is " + shown(label), "a label names a class");
    }
    labels.emplace_back(label);
    std::optional<std::uint32_t> before;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      const Cell cell = parse_cell(word, place);
      if (before && cell.index <= *before) {
        refuse_at(place, "index " + std::to_string(cell.index) + " follows " + std::to_string(*before),
                  "the indices of a row must rise");
      }
      before = cell.index;
      table.columns.push_back(cell.index);
      table.values.push_back(cell.value);
    }
    table.starts.push_back(table.values.size());
  }
  // Columns are the indices that occur, in their order.
  std::vector<std::uint32_t> known = table.columns;
  std::ranges::sort(known);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  if (known.size() > kMaxTableFeatures) {
    throw UserError("'" + name + "' has more than " + std::to_string(kMaxTableFeatures) + " different indices");
  }
  for (std::uint32_t& column : table.columns) {
    column = static_cast<std::uint32_t>(std::ranges::lower_bound(known, column) - known.begin());
  }
  for (const std::uint32_t index : known) table.features.push_back(std::to_string(index));
  if (!labels.empty() && known.empty()) throw UserError("'" + name + "' has no index:value in any row");
  set_classes(table, labels);
  return table;
}

}  // namespace normdescent
