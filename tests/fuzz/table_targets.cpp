// SPDX-License-Identifier: Apache-2.0
// CSV and LIBSVM.
#include <algorithm>

#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "normdescent/data/table.hpp"

namespace normdescent::fuzz {

namespace {

/// Reads a table and everything that is made of it.
void read_as_table(std::string_view input, const TableOptions& options) {
  let_read({{"table", input}}, [&](const std::filesystem::path& folder) {
    const Table table = read_table(folder / "table", options);
    const auto in_range = [](auto& of, auto below) {
      return std::ranges::all_of(of, [&](auto i) { return i < below; });
    };
    if (table.starts.size() != table.labels.size() + 1 || table.starts.back() != table.values.size() ||
        table.columns.size() != table.values.size() || !in_range(table.columns, table.features.size()) ||
        !in_range(table.labels, static_cast<std::int32_t>(table.classes.size())))
      found("a table whose parts do not fit");
    const TableSplit split = split_table(table);
    static_cast<void>(standardize(table, split.training));
  });
}

}  // namespace

/// A table with a header; the label column is "y", and "kind" is categorical if it is there.
void read_csv(std::string_view input) {
  TableOptions options{.label = "y"};
  if (input.substr(0, input.find('\n')).find("kind") != std::string_view::npos) options.categorical = {"kind"};
  read_as_table(input, options);
}

/// A sparse table; what the reader takes for CSV has no label here and is refused.
void read_libsvm(std::string_view input) { read_as_table(input, {}); }

}  // namespace normdescent::fuzz
