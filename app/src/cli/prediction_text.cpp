// SPDX-License-Identifier: Apache-2.0
#include "prediction_text.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <sstream>
#include <variant>

#include "normdescent/base/nearest_name.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "text_table.hpp"

namespace normdescent::cli {

using enum TextTable::Align;

std::vector<std::string> parse_optimizers(const std::string& list) {
  std::vector<std::string> known;
  for (const auto& info : optimizer_catalog()) known.push_back(info.name);
  std::vector<std::string> names;
  std::istringstream items(list);
  for (std::string name; std::getline(items, name, ',');) {
    if (find_optimizer(name) == nullptr) {
      const auto nearest = nearest_name(name, known);
      throw UserError("unknown optimizer '" + name + "' in --optimizers",
                      nearest ? "did you mean " + *nearest + "?" : "normdescent optimizers list shows all");
    }
    if (std::ranges::find(names, name) != names.end())
      throw UserError("optimizer '" + name + "' is given twice in --optimizers");
    names.push_back(name);
  }
  if (names.empty()) throw UserError("--optimizers names none", "separate names with commas, e.g. sgd,signsgd,muon");
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

std::vector<Entrant> entrants(const std::vector<std::string>& optimizers) {
  std::vector<Entrant> out;
  for (const auto& name : optimizers) {
    const OptimizerSpec spec = make_optimizer(name);
    const Recipe& recipe = spec.routes.empty() ? spec.fallback : spec.routes.front().recipe;
    out.push_back({.name = name,
                   .geometry = find_optimizer(name)->geometry,
                   .is_normalized = !std::holds_alternative<Identity>(recipe.direction)});
  }
  return out;
}

std::string interval_text(double value, double low, double high) {
  return significant(value) + " (" + significant(low) + " - " + significant(high) + ")";
}

void print_geometry(std::ostream& out, const ProbeReport& report) {
  const NoiseSummary& noise = report.start.noise;
  out << "Gradient noise of a mini-batch: density " << significant(noise.density) << ", l1 " << significant(noise.l1)
      << ", l2 " << significant(noise.l2);
  if (report.tail.series > 0) out << ", tail index " << significant(report.tail.two_scale.value);
  out << '\n';
  TextTable table({{"geometry"},
                   {"noise scale", right},
                   {"density", right},
                   {"gradient", right},
                   {"critical batch", right},
                   {"smoothness", right},
                   {"one-step gain", right}});
  for (const auto& m : report.start.geometries) {
    table.add_row(
        {m.geometry.name(), significant(m.noise_scale), significant(m.noise_density), significant(m.gradient_norm),
         std::isfinite(m.critical_batch.value) ? significant(m.critical_batch.value) : "-",
         significant(m.smoothness.constant.value),
         significant(m.one_step_gain.gain.value) + " ± " + significant(m.one_step_gain.gain.standard_error, 2)});
  }
  table.print(out);
  for (const GeometryGrowth& growth : report.growth) {
    if (!growth.noise.reason.empty() || growth.noise.points == 0) continue;
    out << "Noise, " << growth.geometry.name() << ": variance " << significant(growth.noise.constant.value) << " + "
        << significant(growth.noise.slope.value) << " x squared gradient\n";
  }
  if (!report.tails.sentence.empty()) out << "Tails: " << report.tails.sentence << '\n';
  for (const NotMeasured& each : report.not_measured) {
    if (!each.is_detail) out << each.quantity << ": not measurable because " << each.because << '\n';
  }
}

void print_prediction(std::ostream& out, const Prediction& prediction) {
  std::vector<TextTable::Column> columns = {
      {"optimizer"}, {"predicted speed-up over SGD", right}, {"chance to be best", right}};
  if (prediction.is_calibrated) {
    columns.push_back({"over AdamW", right});
    columns.push_back({"suggested rate", right});
  }
  TextTable table(columns);
  const auto range_text = [](const std::optional<PredictedRange>& range) {
    return range ? interval_text(range->value, range->low, range->high) : "-";
  };
  for (const auto& p : prediction.optimizers) {
    std::vector<std::string> row = {p.optimizer, interval_text(p.speedup_vs_sgd, p.low, p.high),
                                    fixed(100.0 * p.probability_best, 0) + "%"};
    if (prediction.is_calibrated) {
      row.push_back(range_text(p.over_adamw));
      row.push_back(range_text(p.learning_rate));
    }
    table.add_row(row);
  }
  table.print(out);
  if (!prediction.decided_by.empty()) out << '\n' << wrapped(as_sentence(prediction.decided_by), 100) << '\n';
}

}  // namespace normdescent::cli
