// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "normdescent/base/nearest_name.hpp"
#include "normdescent/base/user_error.hpp"
#include "table_text.hpp"

namespace normdescent {
namespace {

/// The cells of a line; a quoted one keeps its spaces.
std::vector<std::string> split_cells(std::string_view line, char separator, const TextPlace& place) {
  std::vector<std::string> cells;
  for (;;) {
    const std::size_t start = line.find_first_not_of(" \t");
    std::string cell;
    std::size_t end = 0;
    if (separator != '\t' && start != std::string_view::npos && line[start] == '"') {
      end = start + 1;
      for (;; ++end) {
        if (end >= line.size()) refuse_at(place, "a quote is not closed", "cells cannot hold line breaks");
        if (line[end] == '"') {
          if (!line.substr(end + 1).starts_with('"')) break;
          ++end;
        }
        cell += line[end];
      }
      const std::string_view after = line.substr(end + 1);
      end = std::min(line.size(),
                     after.find(separator) == std::string_view::npos ? line.size() : end + 1 + after.find(separator));
      if (!trimmed(line.substr(line.size() - after.size(), end - (line.size() - after.size()))).empty()) {
        refuse_at(place, "text follows a closing quote", "a quote inside a quoted cell is doubled");
      }
    } else {
      end = std::min(line.size(), line.find(separator));
      cell = trimmed(line.substr(0, end));
    }
    cells.push_back(std::move(cell));
    if (end == line.size()) return cells;
    line.remove_prefix(end + 1);
  }
}

/// A column's name is repeated before each of its values, so a long one would take memory out of proportion.
constexpr std::size_t kMaxNameBytes = 256;

bool is_missing(const std::string& cell) {
  return cell.empty() || cell == "NA" || cell == "N/A" || cell == "?" || cell == "null";
}

struct Column {
  std::string name;
  bool is_label = false;
  bool is_categorical = false;
  std::uint32_t feature = 0;                      ///< of a numeric column
  std::map<std::string, std::uint32_t> values{};  ///< features of a categorical one
};

std::vector<Column> read_header(const std::vector<std::string>& names, const TableOptions& options,
                                const TextPlace& place) {
  const auto find = [&](const std::string& wanted, const char* what) {
    const auto found = std::ranges::find(names, wanted);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    const auto nearest = nearest_name(wanted, names);
    refuse_at(place, std::string("no column is called ") + shown(wanted) + ", the " + what,
              nearest ? "did you mean " + *nearest + "?" : "the first line of the file names its columns");
  };
  if (options.label.empty()) {
    refuse_at(place, "which column is the label?",
              "name it with --label; the last one is called " + shown(names.back()));
  }
  std::vector<Column> columns;
  std::set<std::string_view> known;
  for (const std::string& name : names) {
    if (name.empty()) refuse_at(place, "column " + std::to_string(columns.size() + 1) + " has no name");
    if (name.size() > kMaxNameBytes)
      refuse_at(place, "column name " + shown(name) + " has " + std::to_string(name.size()) + " bytes",
                "at most " + std::to_string(kMaxNameBytes) + " are allowed");
    if (!known.insert(name).second) refuse_at(place, "two columns are called " + shown(name));
    if (parse_number(name)) {
      refuse_at(place, "column name " + shown(name) + " is a number", "the first line must name the columns");
    }
    columns.push_back({.name = name});
  }
  columns[find(options.label, "label")].is_label = true;
  for (const std::string& name : options.categorical) {
    Column& column = columns[find(name, "categorical column")];
    if (column.is_label)
      refuse_at(place, "the label " + shown(name) + " is named as categorical", "classes need no such name");
    column.is_categorical = true;
  }
  return columns;
}

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& name, const TableOptions& options) : rest_(text), name_(name) {
    table_.source = name;
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // byte-order mark
    const std::string_view header = next_line();
    if (header.empty()) throw UserError("'" + name + "' holds no table");
    for (const char candidate : {',', ';', '\t'}) {
      separator_ = candidate;
      if (header.find(candidate) != std::string_view::npos) break;
    }
    columns_ = read_header(split_cells(header, separator_, place()), options, place());
    for (Column& column : columns_) {
      if (!column.is_label && !column.is_categorical) column.feature = add_feature(column.name);
    }
  }

  Table read() {
    for (std::string_view line = next_line(); !line.empty(); line = next_line()) read_row(line);
    if (table_.features.empty()) throw UserError("'" + name_ + "' has no column but the label");
    set_classes(table_, labels_);
    return std::move(table_);
  }

 private:
  [[nodiscard]] TextPlace place() const { return {name_, line_}; }

  std::string_view next_line() {
    while (!rest_.empty()) {
      ++line_;
      const std::string_view line = take_line(rest_);
      if (!trimmed(line).empty()) return line;
    }
    return {};
  }

  std::uint32_t add_feature(std::string feature) {
    if (table_.features.size() == kMaxTableFeatures) {
      refuse_at(place(), "more than " + std::to_string(kMaxTableFeatures) + " columns",
                "is a text column categorical?");
    }
    table_.features.push_back(std::move(feature));
    return static_cast<std::uint32_t>(table_.features.size() - 1);
  }

  void read_row(std::string_view line) {
    const auto cells = split_cells(line, separator_, place());
    if (cells.size() != columns_.size()) {
      refuse_at(place(), std::to_string(cells.size()) + " cells, the header has " + std::to_string(columns_.size()));
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
      Column& column = columns_[i];
      if (is_missing(cells[i])) {
        refuse_at(place(), "column " + shown(column.name) + " is missing a value (" + shown(cells[i]) + ")",
                  "fill in or leave out such rows before");
      }
      if (column.is_label) {
        labels_.push_back(cells[i]);
      } else if (column.is_categorical) {
        auto found = column.values.find(cells[i]);
        if (found == column.values.end()) {
          found = column.values.emplace(cells[i], add_feature(column.name + "=" + cells[i])).first;
        }
        add_cell(found->second, 1.0F);
      } else {
        add_cell(column.feature, number(cells[i], column));
      }
    }
    table_.starts.push_back(table_.values.size());
  }

  [[nodiscard]] float number(const std::string& cell, const Column& column) const {
    const auto value = parse_number(cell);
    if (!value) {
      refuse_at(place(), "column " + shown(column.name) + " is " + shown(cell) + ", must be a number",
                "a column of text becomes 0/1 columns with --categorical " + column.name);
    }
    if (!std::isfinite(static_cast<float>(*value))) {
      refuse_at(place(), "column " + shown(column.name) + " is " + shown(cell) + ", must be finite in float32");
    }
    return static_cast<float>(*value);
  }

  void add_cell(std::uint32_t feature, float value) {
    if (value == 0.0F) return;
    table_.columns.push_back(feature);
    table_.values.push_back(value);
  }

  std::string_view rest_;
  const std::string& name_;
  std::int64_t line_ = 0;
  char separator_ = ',';
  std::vector<Column> columns_;
  std::vector<std::string> labels_;
  Table table_;
};

}  // namespace

Table parse_csv(std::string_view text, const std::string& name, const TableOptions& options) {
  return CsvReader(text, name, options).read();
}

}  // namespace normdescent
