// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <system_error>
#include <utility>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/permutation.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/random_access_file.hpp"
#include "table_text.hpp"

namespace normdescent {

void refuse_at(const TextPlace& place, const std::string& problem, const std::string& hint) {
  throw UserError(place.file + ":" + std::to_string(place.line) + ": " + problem, hint);
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return HUGE_VAL;
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string shown(std::string_view cell) {
  constexpr std::size_t kMax = 40;
  return "'" + std::string(cell.substr(0, kMax)) + (cell.size() > kMax ? "..." : "") + "'";
}

void set_classes(Table& table, const std::vector<std::string>& labels) {
  if (labels.empty()) throw UserError("'" + table.source + "' has no rows", "give a table with rows below its header");
  // Numbers first, by value; then text.
  using Key = std::pair<double, std::string>;
  const auto key_of = [](const std::string& label) -> Key {
    const auto number = parse_number(label);
    return number && std::isfinite(*number) ? Key{*number, ""} : Key{HUGE_VAL, label};
  };
  std::map<Key, std::string> classes;
  for (const std::string& label : labels) {
    classes.try_emplace(key_of(label), label);
    if (classes.size() > kMaxTableClasses) {
      throw UserError(
          "the label of '" + table.source + "' has more than " + std::to_string(kMaxTableClasses) + " different values",
          "a label names a class; is another column meant?");
    }
  }
  if (classes.size() == 1) {
    throw UserError(
        "all " + std::to_string(labels.size()) + " rows of '" + table.source + "' have the label " + shown(labels[0]),
        "at least two classes are needed");
  }
  for (const auto& [key, text] : classes) table.classes.push_back(text);
  table.labels.reserve(labels.size());
  for (const std::string& label : labels) {
    table.labels.push_back(static_cast<std::int32_t>(std::distance(classes.begin(), classes.find(key_of(label)))));
  }
}

Table read_table(const std::filesystem::path& path, const TableOptions& options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw UserError("'" + path.string() + "' is not a file", "give a CSV file with a header row, or a LIBSVM file");
  }
  if (std::filesystem::file_size(path, error) == 0) throw UserError("'" + path.string() + "' is empty");
  const RandomAccessFile file(path);
  std::string content(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(content)));
  const std::string_view text(content);
  std::string_view rest = text;
  std::string_view first;
  while (!rest.empty() && trimmed(first).empty()) first = take_line(rest);
  // "label index:value": a number before the first colon, and no separator of CSV.
  const std::string_view cell = first.substr(std::min(first.size(), first.find_first_of(" \t")));
  const std::size_t colon = trimmed(cell).find(':');
  const bool is_libsvm = colon != std::string_view::npos && parse_number(trimmed(cell).substr(0, colon)) &&
                         first.find_first_of(",;") == std::string_view::npos;
  Table table = is_libsvm ? parse_libsvm(text, path.string()) : parse_csv(text, path.string(), options);
  table.content_hash = hash_text(hash_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  return table;
}

TableSplit split_table(const Table& table) {
  constexpr std::uint64_t kKey = 0x5917;
  const auto rows = static_cast<std::uint64_t>(table.rows());
  const std::uint64_t held_out = std::max<std::uint64_t>(1, rows / 10);
  TableSplit split;
  for (std::uint64_t r = 0; r < rows; ++r) {
    (permuted(r, rows, kKey, 0) < held_out ? split.held_out : split.training).push_back(static_cast<std::int64_t>(r));
  }
  return split;
}

Standardization standardize(const Table& table, std::span<const std::int64_t> training) {
  const std::size_t width = table.features.size();
  if (table.is_sparse) return {std::vector<float>(width, 0.0F), std::vector<float>(width, 1.0F)};
  std::vector<double> mean(width);
  std::vector<double> square(width);
  const auto count = static_cast<double>(training.size());
  const auto each_cell = [&](const auto& visit) {
    for (const std::int64_t r : training) {
      const auto row = static_cast<std::size_t>(r);
      for (std::uint64_t k = table.starts[row]; k < table.starts[row + 1]; ++k) {
        visit(table.columns[k], static_cast<double>(table.values[k]));
      }
    }
  };
  each_cell([&](std::size_t column, double x) { mean[column] += x / count; });
  // sum (x - m)^2 over the listed cells, as if the others were m; these add m^2 each.
  std::vector<double> listed(width);
  each_cell([&](std::size_t column, double x) {
    square[column] += (x - mean[column]) * (x - mean[column]);
    listed[column] += 1.0;
  });
  Standardization result;
  for (std::size_t c = 0; c < width; ++c) {
    const double variance = (square[c] + (count - listed[c]) * mean[c] * mean[c]) / count;
    // A constant column's variance is rounding of the mean.
    const bool is_constant = std::sqrt(variance) <= 1e-7 * std::abs(mean[c]);
    result.mean.push_back(static_cast<float>(mean[c]));
    result.scale.push_back(is_constant ? 0.0F : static_cast<float>(1.0 / std::sqrt(variance)));
  }
  return result;
}

}  // namespace normdescent
