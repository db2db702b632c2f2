// SPDX-License-Identifier: Apache-2.0
// The page: verdict first, then what was predicted and measured, then why, then how it was made.
#include <algorithm>
#include <cmath>

#include "bundle.hpp"
#include "experiment_sections.hpp"
#include "failure_modes.hpp"
#include "html.hpp"
#include "interval_chart.hpp"
#include "measurement_sections.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/json_depth.hpp"
#include "normdescent/report/report.hpp"

namespace normdescent {
namespace report {
namespace {

using nlohmann::json;

/// The entry for `optimizer` in an array of objects, or null.
const json& entry_of(const json& entries, const std::string& optimizer) {
  static const json kNone;
  for (const auto& entry : entries) {
    if (text(entry, "optimizer") == optimizer) return entry;
  }
  return kNone;
}

std::string task_line(const json& result) {
  const auto task = result.find("task");
  if (task == result.end() || !task->is_object()) return {};
  std::string out = text(*task, "model");
  const double parameters = number(*task, "parameters");
  if (std::isfinite(parameters)) out += ", " + grouped(std::llround(parameters)) + " parameters";
  if (const std::string data = text(*task, "data"); !data.empty()) out += " · " + data;
  const double steps = number(*task, "steps");
  if (std::isfinite(steps)) out += " · " + fixed(steps, 0) + " steps";
  const double batch = number(*task, "batch");
  const double context = number(*task, "context");
  if (std::isfinite(batch) && std::isfinite(context))
    out += " of " + fixed(batch, 0) + " × " + fixed(context, 0) + " tokens";
  return out;
}

std::string badge(const json& result) {
  const auto right = result.find("prediction_was_right");
  if (right == result.end()) return {};
  if (!right->is_boolean()) return "<p class=\"badge open\">No winner outside the noise</p>\n";
  return right->get<bool>() ? "<p class=\"badge right\">The prediction was right</p>\n"
                            : "<p class=\"badge wrong\">The prediction was wrong</p>\n";
}

std::string header(const json& result) {
  std::string verdict = text(result, "verdict");
  if (verdict.empty()) verdict = "Measured, not raced.";
  std::string out = "<header>\n<p class=\"brand\">Normdescent · " + escaped(text(result, "command")) + "</p>\n<h1>" +
                    escaped(as_sentence(verdict)) + "</h1>\n";
  if (result.contains("complete") && !flag(result, "complete")) {
    out += "<p class=\"badge open\">Interrupted: this page shows what was measured until then</p>\n";
  } else {
    out += badge(result);
  }
  if (const std::string why = text(result, "decided_by"); !why.empty())
    out += "<p class=\"lead\">" + escaped(as_sentence(why)) + "</p>\n";
  return out + "<p class=\"task\">" + escaped(task_line(result)) + "</p>\n</header>\n";
}

Estimate estimate(const json& entry) {
  return {number(entry, "speedup_vs_sgd"), number(entry, "low"), number(entry, "high")};
}

std::string speedup_cell(const Estimate& e) {
  if (!std::isfinite(e.value)) return "–";
  return "<b>" + significant(e.value) + "×</b> <small>" + significant(e.low) + " – " + significant(e.high) + "</small>";
}

std::string loss_cell(const json& measured) {
  if (flag(measured, "diverged")) return "diverged";
  const double loss = number(measured, "final_loss");
  if (!std::isfinite(loss)) return "–";
  return fixed(loss, 3) + " <small>± " + fixed(number(measured, "final_loss_se"), 3) + "</small>";
}

std::string percent(double share) { return std::isfinite(share) ? fixed(100.0 * share, 0) + " %" : "–"; }

/// Names in the order of the race, then those that were only predicted.
std::vector<std::string> optimizer_names(const json& result) {
  std::vector<std::string> names;
  for (const char* key : {"measured", "prediction"}) {
    for (const auto& entry : list(result, key)) {
      const std::string name = text(entry, "optimizer");
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string comparison(const json& result) {
  std::vector<IntervalRow> chart;
  std::vector<std::vector<std::string>> rows;
  for (const auto& name : optimizer_names(result)) {
    const json& predicted = entry_of(list(result, "prediction"), name);
    const json& measured = entry_of(list(result, "measured"), name);
    std::string note;
    if (flag(measured, "diverged")) note = "diverged";
    chart.push_back({name, estimate(predicted), estimate(measured), note});
    const std::string winner = text(result, "winner") == name ? " <small class=\"winner\">winner</small>" : "";
    rows.push_back(
        {escaped(name) + winner, speedup_cell(estimate(predicted)), percent(number(predicted, "probability_best")),
         speedup_cell(estimate(measured)), loss_cell(measured),
         std::isfinite(number(measured, "learning_rate")) ? significant(number(measured, "learning_rate")) : "–"});
  }
  return interval_chart(chart) + table("Speed-up over SGD, and what each optimizer reached",
                                       {{"Optimizer"},
                                        {"Predicted", true},
                                        {"Chance to be best", true},
                                        {"Measured", true},
                                        {"Final loss", true},
                                        {"Learning rate", true}},
                                       rows);
}

std::string failures(const json& result) {
  std::string items;
  for (const auto& sentence : failure_modes(list(result, "measured"))) items += "<li>" + escaped(sentence) + "</li>\n";
  return items.empty() ? items : "<ul>\n" + items + "</ul>\n";
}

/// Everything that has no section of its own but says how the page came to be.
std::string origin(const json& result) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* title, const std::string& value) {
    if (!value.empty()) rows.push_back({escaped(title), escaped(value)});
  };
  add("Command", text(result, "command_line"));
  add("Version", text(result, "version"));
  const double seed = number(result, "seed");
  if (std::isfinite(seed)) add("Seed", fixed(seed, 0));
  const double threads = number(result, "threads");
  if (std::isfinite(threads)) add("Threads", fixed(threads, 0));
  const auto task = result.find("task");
  if (task != result.end()) {
    add("Data", text(*task, "data"));
    add("Data hash", text(*task, "data_hash"));
  }
  const auto seconds = result.find("seconds");
  if (seconds != result.end() && seconds->is_object()) {
    for (const auto& [part, value] : seconds->items()) {
      if (value.is_number()) add(("Time, " + part).c_str(), duration(value.get<double>()));
    }
  }
  return table("The same command, seed and thread count give the same numbers", {{"What"}, {"Value"}}, rows);
}

/// What report.js reads: only what is drawn.
json chart_data(const json& result) {
  json measured = json::array();
  for (const auto& entry : list(result, "measured")) {
    if (!entry.is_object()) continue;
    measured.push_back({{"optimizer", text(entry, "optimizer")},
                        {"learning_rate", entry.value("learning_rate", json())},
                        {"learning_rates", list(entry, "learning_rates")},
                        {"curves", list(entry, "curves")}});
  }
  json pilot = json::array();
  for (const auto& end : list(result, "pilot")) {
    if (!end.is_object()) continue;
    pilot.push_back({{"optimizer", text(end, "optimizer")},
                     {"step", end.value("step", json())},
                     {"noise_density", end.value("noise_density", json())}});
  }
  return {{"measured", measured}, {"pilot", pilot}, {"noise_density", result.value("noise_density", json())}};
}

std::string document(const json& result) {
  std::string title = text(result, "verdict");
  if (title.empty()) title = "Normdescent " + text(result, "command");
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
      escaped(title) + "</title>\n<style>\n";
  out += bundle::kChartStyle;
  out += bundle::kReportStyle;
  out += "</style>\n</head>\n<body>\n<main>\n";
  out += header(result);
  out += section("checks", "Claim and checks", experiment_checks(result));
  out += section("charts", "Charts", experiment_charts(result));
  out += section("comparison", "Predicted against measured", comparison(result));
  out += section("curves", "Loss curves", loss_curves(result));
  out += section("rates", "Learning-rate sensitivity", rate_sensitivity(result));
  out += section("failures", "What went wrong", failures(result));
  out += section("density", "Noise density over training", noise_density(result));
  out += section("geometry", "Geometry and noise", geometry(result));
  out += section("origin", "How this was made", origin(result));
  out += "</main>\n";
  if (has_bundled_charts()) {
    out +=
        "<script type=\"application/json\" id=\"result\">" + script_json(chart_data(result)) + "</script>\n<script>\n";
    out += bundle::kChartLicence;
    out += bundle::kChartScript;
    out += "\n</script>\n<script>\n";
    out += bundle::kReportScript;
    out += "</script>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace
}  // namespace report

std::string report_page(std::string_view result_json) {
  if (json_nests_too_deep(result_json))
    throw UserError("it nests too deep", "result.json is damaged; run the command again");
  const auto result = nlohmann::json::parse(result_json, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) throw UserError("not a JSON object", "result.json is damaged; run the command again");
  return report::document(result);
}

}  // namespace normdescent
