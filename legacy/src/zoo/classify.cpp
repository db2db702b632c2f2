// SPDX-License-Identifier: Apache-2.0
#include "normdescent/zoo/classify.hpp"

#include <algorithm>
#include <numbers>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "model_problem.hpp"
#include "normdescent/base/user_error.hpp"
#include "vector_models.hpp"

namespace normdescent {
namespace {

constexpr std::size_t kMaxHeldOut = 1000;
constexpr std::int64_t kMaxCells = std::int64_t{1} << 26U;

struct PreparedTable {
  std::shared_ptr<const Table> table;
  TableSplit split;
  Standardization standard;

  /// Writes row `row` and returns its class.
  std::int64_t copy(std::int64_t row, std::span<float> out) const {
    for (std::size_t c = 0; c < out.size(); ++c) out[c] = -standard.mean[c] * standard.scale[c];
    const auto r = static_cast<std::size_t>(row);
    for (std::uint64_t k = table->starts[r]; k < table->starts[r + 1]; ++k) {
      const std::size_t c = table->columns[k];
      out[c] = (table->values[k] - standard.mean[c]) * standard.scale[c];
    }
    return table->labels[r];
  }
};

void check(const PreparedTable& prepared, const ClassifyOptions& options) {
  const Table& table = *prepared.table;
  const auto label = [&](std::int64_t row) { return table.labels[static_cast<std::size_t>(row)]; };
  const auto& rows = prepared.split.training;
  if (std::ranges::all_of(rows, [&](std::int64_t row) { return label(row) == label(rows.front()); })) {
    throw UserError("all " + std::to_string(rows.size()) + " training rows of '" + table.source + "' have the label '" +
                        table.classes[static_cast<std::size_t>(label(rows.front()))] + "'",
                    "give more rows of the other classes (a tenth of all rows is held out)");
  }
  const auto held_out = static_cast<std::int64_t>(std::min(prepared.split.held_out.size(), kMaxHeldOut));
  if (table.width() * std::max<std::int64_t>(options.batch_size, held_out) > kMaxCells) {
    throw UserError("'" + table.source + "' has " + std::to_string(table.width()) +
                        " columns: a mini-batch of dense rows is too large",
                    "take a smaller --batch, or leave out rare columns");
  }
}

}  // namespace

void ClassifyOptions::validate() const {
  if (model != "linear" && model != "mlp") {
    throw std::invalid_argument("model = " + model + ", must be linear or mlp");
  }
  if (hidden < 1) throw std::invalid_argument("hidden = " + std::to_string(hidden) + ", must be >= 1");
  if (batch_size < 1) throw std::invalid_argument("batch_size = 0, must be >= 1");
}

std::shared_ptr<const Problem> make_classification(std::shared_ptr<const Table> table, const ClassifyOptions& options) {
  options.validate();
  auto split = split_table(*table);
  auto standard = standardize(*table, split.training);
  const auto prepared =
      std::make_shared<const PreparedTable>(PreparedTable{std::move(table), std::move(split), std::move(standard)});
  check(*prepared, options);

  const Table& data = *prepared->table;
  const auto draw = [prepared](Philox& random, std::span<float> inputs) {
    const auto& rows = prepared->split.training;
    return prepared->copy(rows[random.below(rows.size())], inputs);
  };
  const auto& held_out = prepared->split.held_out;
  const auto count = static_cast<std::int64_t>(std::min(held_out.size(), kMaxHeldOut));
  ExampleSource source = drawn_classes({data.width()}, draw, 1);
  source.held_out = {at::empty({count, data.width()}), at::empty({count}, at::kLong)};
  const auto width = static_cast<std::size_t>(data.width());
  for (std::int64_t i = 0; i < count; ++i) {
    // Evenly over the held-out rows, which are in the file's order.
    const std::size_t chosen = static_cast<std::size_t>(i) * held_out.size() / static_cast<std::size_t>(count);
    source.held_out.targets.data_ptr<std::int64_t>()[i] =
        prepared->copy(held_out[chosen], {source.held_out.inputs.data_ptr<float>() + i * data.width(), width});
  }
  const auto classes = static_cast<std::int64_t>(data.classes.size());
  const bool is_linear = options.model == "linear";
  const std::vector<std::int64_t> widths =
      is_linear ? std::vector<std::int64_t>{data.width(), classes}
                : std::vector<std::int64_t>{data.width(), options.hidden, options.hidden, classes};
  return make_model_problem({.name = options.model + " on " + data.source,
                             .batch_size = options.batch_size,
                             .examples = std::move(source),
                             .make = [widths] { return make_classifier(widths); },
                             .initialization = {.gain = is_linear ? 0.1 : std::numbers::sqrt2, .head_gain = 0.1}});
}

}  // namespace normdescent
