// SPDX-License-Identifier: Apache-2.0
#include "measurement_sections.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "html.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/report/report.hpp"

namespace normdescent::report {
namespace {

using nlohmann::json;

/// Where report.js draws, or a word on why nothing is drawn.
std::string chart_place(const char* id, const char* caption) {
  if (!has_bundled_charts()) {
    return "<p class=\"note\">Charts were not bundled into this build, so there are tables only. With dygraphs "
           "(Debian: "
           "<code>libjs-dygraphs</code>) configuring and building again brings them.</p>\n";
  }
  return std::string("<figure><div class=\"chart\" data-chart=\"") + id + "\" aria-hidden=\"true\"></div><figcaption>" +
         caption + "</figcaption></figure>\n";
}

std::string cell(double value, int digits = 3) { return std::isfinite(value) ? significant(value, digits) : "–"; }

/// Rows x columns of means: one row for each key, one column for each optimizer.
class Grid {
 public:
  void add(double key, const std::string& column, double value) {
    if (std::find(columns_.begin(), columns_.end(), column) == columns_.end()) columns_.push_back(column);
    if (!std::isfinite(value) || std::isnan(key)) return;
    auto& [sum, count] = sums_[key][column];
    sum += value;
    ++count;
  }
  [[nodiscard]] bool empty() const { return sums_.empty(); }
  [[nodiscard]] std::string html(const char* caption, const char* key_title) const {
    std::vector<Column> columns{{key_title, true}};
    for (const auto& name : columns_) columns.push_back({name, true});
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, entries] : sums_) {
      std::vector<std::string> row{significant(key)};
      for (const auto& name : columns_) {
        const auto found = entries.find(name);
        row.push_back(found == entries.end() ? "–" : fixed(found->second.first / found->second.second, 3));
      }
      rows.push_back(std::move(row));
    }
    return table(caption, columns, rows);
  }

 private:
  std::vector<std::string> columns_;
  std::map<double, std::map<std::string, std::pair<double, int>>> sums_;
};

/// All points of all final runs: visit(optimizer, point).
template <class Visit>
void for_each_point(const json& result, Visit visit) {
  for (const auto& contestant : list(result, "measured")) {
    for (const auto& curve : list(contestant, "curves")) {
      for (const auto& point : list(curve, "points")) visit(text(contestant, "optimizer"), point);
    }
  }
}

std::string shape_text(const json& parameter) {
  std::string out;
  for (const auto& extent : list(parameter, "shape")) out += (out.empty() ? "" : " × ") + extent.dump();
  return out;
}

std::string overall(const json& result) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* name, double value, const char* meaning) {
    if (std::isfinite(value)) rows.push_back({name, cell(value), meaning});
  };
  add("Noise density φ", number(result, "noise_density"),
      "how evenly the gradient noise spreads over coordinates: near 0 in a few, 1 in all alike");
  add("Noise, l1", number(result, "noise_l1"), "sum of the coordinates' standard deviations: what sign methods pay");
  add("Noise, l2", number(result, "noise_l2"), "root of the sum of their variances: what SGD pays");
  add("Tail index", number(result, "tail_index"), "2 and above: finite variance; below: heavy tails");
  return table("The whole model", {{"Quantity"}, {"Value", true}, {"What it says"}}, rows);
}

std::string gains(const json& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& gain : list(result, "one_step_gain")) {
    rows.push_back({escaped(text(gain, "direction")),
                    cell(number(gain, "gain")) + " <small>± " + cell(number(gain, "gain_se"), 2) + "</small>",
                    cell(number(gain, "step_size")), cell(number(gain, "learning_rate"))});
  }
  return table("What the best single step gains on other batches",
               {{"Direction"}, {"Loss gained", true}, {"Step size", true}, {"As a learning rate", true}}, rows);
}

std::string estimate(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_object()) return "–";
  return cell(number(*found, "value")) + " <small>± " + cell(number(*found, "se"), 2) + "</small>";
}

std::string each_geometry(const json& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& m : list(result, "geometries")) {
    const auto with_error = [&](const char* key, const char* error_key) {
      const double error = number(m, error_key);
      return cell(number(m, key)) + (std::isfinite(error) ? " <small>± " + cell(error, 2) + "</small>" : "");
    };
    const std::string norm = text(m, "norm").empty() ? "" : " <small>" + escaped(text(m, "norm")) + "</small>";
    rows.push_back({escaped(text(m, "geometry")) + norm, cell(number(m, "noise_scale")),
                    cell(number(m, "noise_density")), cell(number(m, "gradient_norm")),
                    with_error("critical_batch", "critical_batch_se"), with_error("smoothness", "smoothness_se")});
  }
  return table("Each geometry in its own norm",
               {{"Geometry"},
                {"Noise", true},
                {"Density", true},
                {"Gradient", true},
                {"Critical batch", true},
                {"Smoothness", true}},
               rows);
}

/// a + b x, with x the size of the gradient in the geometry's norm.
std::string growth(const json& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& m : list(result, "growth")) {
    for (const char* quantity : {"noise", "smoothness"}) {
      const auto fit = m.find(quantity);
      if (fit == m.end()) continue;
      rows.push_back({escaped(text(m, "geometry")), quantity, estimate(*fit, "constant"), estimate(*fit, "slope"),
                      escaped(text(*fit, "because"))});
    }
  }
  return table("How noise (squared) and smoothness grow with the gradient",
               {{"Geometry"}, {"Quantity"}, {"Constant", true}, {"Slope", true}, {"Not measurable because"}}, rows);
}

std::string sentences(const json& result) {
  std::string out;
  if (const auto tails = result.find("tails"); tails != result.end() && !text(*tails, "sentence").empty()) {
    out += "<p>Tails of the noise: " + escaped(text(*tails, "sentence")) + ".</p>\n";
  }
  for (const auto& routed : list(result, "routed")) {
    out += "<p>The " + escaped(text(routed, "geometry")) + " geometry is " + escaped(text(routed, "stands_for")) +
           ".</p>\n";
  }
  std::string missing;
  for (const auto& each : list(result, "not_measured")) {
    missing += "<li>" + escaped(text(each, "quantity")) + ": " + escaped(text(each, "because")) + "</li>";
  }
  if (!missing.empty()) out += details("Not measurable", "<ul>" + missing + "</ul>\n");
  return out;
}

/// A column for every number that the parameters have, so that new measurements appear without a change here.
std::string per_parameter(const json& result) {
  const auto& parameters = list(result, "per_parameter");
  std::set<std::string> names;
  for (const auto& parameter : parameters) {
    for (const auto& [key, value] : parameter.items()) {
      if (value.is_number()) names.insert(key);
    }
  }
  std::vector<Column> columns{{"Parameter"}, {"Shape"}, {"Role"}};
  for (auto name : names) {
    std::replace(name.begin(), name.end(), '_', ' ');
    columns.push_back({name, true});
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& parameter : parameters) {
    std::vector<std::string> row{"<code>" + escaped(text(parameter, "name")) + "</code>",
                                 escaped(shape_text(parameter)), escaped(text(parameter, "role"))};
    for (const auto& name : names) row.push_back(cell(number(parameter, name.c_str())));
    rows.push_back(std::move(row));
  }
  return details("Each parameter (" + std::to_string(rows.size()) + ")", table("Each parameter", columns, rows));
}

}  // namespace

std::string loss_curves(const json& result) {
  Grid grid;
  for_each_point(result, [&](const std::string& name, const json& point) {
    grid.add(number(point, "step"), name, number(point, "validation_loss"));
  });
  if (grid.empty()) return {};
  return chart_place("loss", "Validation loss of the final runs: mean over seeds; the band spans all seeds.") +
         details("As a table", grid.html("Mean validation loss", "Step"));
}

std::string rate_sensitivity(const json& result) {
  Grid grid;
  for (const auto& contestant : list(result, "measured")) {
    for (const auto& rate : list(contestant, "learning_rates")) {
      for (const auto& loss : list(rate, "final_losses")) {
        grid.add(number(rate, "learning_rate"), text(contestant, "optimizer"),
                 loss.is_number() ? loss.get<double>() : std::nan(""));
      }
    }
  }
  if (grid.empty()) return {};
  return chart_place("rates",
                     "Final validation loss for each learning rate of the search; mean over seeds, the band spans "
                     "them; the ring marks the chosen rate. "
                     "A wide valley forgives a poor choice.") +
         details("As a table", grid.html("Mean final loss", "Learning rate"));
}

std::string noise_density(const json& result) {
  Grid grid;
  for (const auto& point : list(result, "pilot")) {
    grid.add(0.0, "pilot: " + text(point, "optimizer"), number(result, "noise_density"));  // where every pilot starts
    grid.add(number(point, "step"), "pilot: " + text(point, "optimizer"), number(point, "noise_density"));
  }
  for_each_point(result, [&](const std::string& name, const json& point) {
    const double density = number(point, "noise_density");
    if (density >= 0.0) grid.add(number(point, "step"), name, density);
  });
  if (grid.empty()) return {};
  return chart_place("density",
                     "φ = ‖σ‖₁² / (d ‖σ‖₂²). Sparse noise (small φ) favours sign methods over SGD, by about 1/φ.") +
         details("As a table", grid.html("Noise density", "Step"));
}

std::string geometry(const json& result) {
  return overall(result) + each_geometry(result) + gains(result) + growth(result) + sentences(result) +
         per_parameter(result);
}

}  // namespace normdescent::report
