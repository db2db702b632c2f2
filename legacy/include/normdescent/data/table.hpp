// SPDX-License-Identifier: Apache-2.0
// A table with classes, read from a person's CSV or LIBSVM file; every defect is one UserError with file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// Rows of (column, value) pairs; what is not listed is 0. Immutable once read.
struct Table {
  std::string source;                    ///< the path it was read from
  std::string content_hash;              ///< of the file: 16 hexadecimal digits
  std::vector<std::string> features;     ///< names of the columns; a one-hot one is "column=value"
  std::vector<std::string> classes;      ///< at least two; numbers by value, else text by bytes
  bool is_sparse = false;                ///< LIBSVM: the columns are not to be centred
  std::vector<std::uint64_t> starts{0};  ///< row r has the cells starts[r] .. starts[r + 1] - 1
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  std::vector<std::int32_t> labels;  ///< index into classes, one a row

  [[nodiscard]] Index rows() const { return static_cast<Index>(labels.size()); }
  [[nodiscard]] Index width() const { return static_cast<Index>(features.size()); }
};

struct TableOptions {
  std::string label{};                     ///< CSV: name of the label column; LIBSVM has it first in a line
  std::vector<std::string> categorical{};  ///< CSV: columns of text that become one 0/1 column a value
};

inline constexpr std::size_t kMaxTableClasses = 1000;
inline constexpr std::size_t kMaxTableFeatures = std::size_t{1} << 20U;

/// By content: LIBSVM if the first line that is not empty is "label index:value ...", otherwise CSV.
[[nodiscard]] Table read_table(const std::filesystem::path& path, const TableOptions& options = {});

/// CSV with a header row; separated by commas, or by semicolons or tabs where the header has no comma; cells may be in
/// double quotes (a quote inside is doubled), but hold no line breaks.
/// Throws    UserError "file:line: ..." for: no label column or none of that name, a column twice, a row of another
///           length than the header, an empty cell or NA, a cell that is no finite number and not named as categorical,
///           one class only, more than kMaxTableClasses classes or kMaxTableFeatures columns, no rows.
/// Memory    a small multiple of the file's size.
[[nodiscard]] Table parse_csv(std::string_view text, const std::string& name, const TableOptions& options);

/// LIBSVM: "label index:value index:value ...", indices >= 0 and rising in a row, '#' begins a comment. Columns are the
/// indices that occur, so a single huge index costs nothing. Errors as above.
[[nodiscard]] Table parse_libsvm(std::string_view text, const std::string& name);

/// Which rows are trained on and which are held out: a tenth (at least one row) chosen by a fixed permutation.
struct TableSplit {
  std::vector<std::int64_t> training;
  std::vector<std::int64_t> held_out;
};
[[nodiscard]] TableSplit split_table(const Table& table);

/// What makes a column's training part mean 0 and variance 1: z = (x - mean) * scale. A column that is constant there
/// has scale 0. Sparse tables keep their zeros: mean 0, scale 1.
struct Standardization {
  std::vector<float> mean;
  std::vector<float> scale;
};
[[nodiscard]] Standardization standardize(const Table& table, std::span<const std::int64_t> training);

}  // namespace normdescent
