// SPDX-License-Identifier: Apache-2.0
#include "normdescent/report/report.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>

#include "bundle.hpp"
#include "experiment_sections.hpp"
#include "failure_modes.hpp"
#include "html.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {
namespace {

using nlohmann::json;

json sample() { return json::parse(read_text(SAMPLE_RESULT)); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

TEST(Report, ShowsVerdictPredictionMeasurementAndReason) {
  const json result = sample();
  const std::string page = report_page(result.dump());
  EXPECT_TRUE(contains(page, "<h1>" + report::escaped(result["verdict"].get<std::string>()) + "</h1>"));
  EXPECT_TRUE(contains(page, report::escaped(result["decided_by"].get<std::string>())));
  EXPECT_TRUE(contains(page, "The prediction was right"));
  for (const auto& entry : result["measured"]) EXPECT_TRUE(contains(page, entry["optimizer"].get<std::string>()));
  EXPECT_TRUE(contains(page, "<b>4.60×</b> <small>3.70 – 6.00</small>"));  // measured, muon
  EXPECT_TRUE(contains(page, "<b>3.10×</b> <small>1.60 – 6.20</small>"));  // predicted, muon
  EXPECT_TRUE(contains(page, "crc32:1f0a33c9"));
  EXPECT_TRUE(contains(page, "2 min 11 s"));
}

TEST(Report, LoadsNothingFromOutside) {
  std::string page = report_page(sample().dump());
  // The chart library can read a table from a URL, if it is given one instead of numbers; report.js gives it numbers.
  const std::string library = report::bundle::kChartScript;
  if (!library.empty()) page.erase(page.find(library), library.size());
  // What a browser would fetch: src, href, url(), @import, and the scripts' own ways.
  const std::regex loads(
      R"((\ssrc\s*=|\shref\s*=|url\s*\(|@import|\bfetch\s*\(|XMLHttpRequest|<link|<iframe|import\s*\())");
  EXPECT_FALSE(std::regex_search(page, loads));
}

TEST(Report, TextFromDataCannotBecomeMarkup) {
  const std::string attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
  json result = sample();
  for (const char* key : {"verdict", "decided_by", "version", "command", "command_line", "winner"})
    result[key] = attack;
  result["task"]["data"] = attack;
  result["task"]["model"] = attack;
  for (auto& entry : result["measured"]) entry["optimizer"] = attack;
  for (auto& entry : result["prediction"]) entry["optimizer"] = attack;
  for (auto& entry : result["pilot"]) entry["optimizer"] = attack;
  for (auto& entry : result["one_step_gain"]) entry["direction"] = attack;
  for (auto& entry : result["per_parameter"]) entry["name"] = entry["role"] = entry["shape"][0] = attack;
  result["seconds"][attack] = 1.0;
  const std::string clean = report_page(sample().dump());
  const std::string page = report_page(result.dump());
  EXPECT_FALSE(contains(page, "<img"));
  EXPECT_FALSE(contains(page, "<script>alert"));
  EXPECT_EQ(count(page, "<script"), count(clean, "<script"));
  EXPECT_EQ(count(page, "</script"), count(clean, "</script"));
}

TEST(Report, EmbeddedDataIsStillTheSameJson) {
  const json value = {{"a", "</script>&<!--"}, {"b", {1.5, nullptr}}};
  const std::string text = report::script_json(value);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(json::parse(text), value);
}

TEST(Report, EveryChartHasItsNumbersAsATable) {
  const std::string page = report_page(sample().dump());
  EXPECT_EQ(count(page, "data-chart="), has_bundled_charts() ? 3U : 0U);
  EXPECT_EQ(count(page, "Charts were not bundled"), has_bundled_charts() ? 0U : 3U);
  for (const char* caption : {"Mean validation loss", "Mean final loss", "Noise density", "Each parameter"}) {
    EXPECT_TRUE(contains(page, std::string("<caption>") + caption + "</caption>")) << caption;
  }
}

TEST(Report, ShowsEachGeometryAndWhyNumbersAreMissing) {
  json result = sample();
  EXPECT_FALSE(contains(report_page(result.dump()), "Each geometry in its own norm"));  // older files have none
  result["geometries"] = {{{"geometry", "sign"},
                           {"noise_scale", 1234.0},
                           {"noise_density", 0.5},
                           {"gradient_norm", 77.0},
                           {"critical_batch", 45.6},
                           {"critical_batch_se", 2.5},
                           {"smoothness", nullptr},
                           {"smoothness_se", nullptr}},
                          // One that only its owner knows.
                          {{"geometry", "schatten-4"}, {"norm", "Schatten 4"}, {"noise_scale", 4321.0}}};
  const json fit = {{"constant", {{"value", 3.25}, {"se", 0.5}}}, {"slope", {{"value", 0.125}, {"se", nullptr}}}};
  result["growth"] = {{{"geometry", "sign"},
                       {"noise", fit},
                       {"smoothness", {{"constant", nullptr}, {"slope", nullptr}, {"because", "needs <4> points"}}}}};
  result["tails"] = {{"sentence", "they disagree & so on"}};
  result["routed"] = {{{"geometry", "spectral"}, {"stands_for", "msign on matrices"}}};
  result["not_measured"] = {{{"quantity", "noise of bias"}, {"because", "zero noise"}}};
  const std::string page = report_page(result.dump());
  EXPECT_TRUE(contains(page, "45.6 <small>± 2.5</small>"));
  EXPECT_TRUE(contains(page, "schatten-4 <small>Schatten 4</small>"));
  EXPECT_TRUE(contains(page, "4321"));
  EXPECT_TRUE(contains(page, "<td class=\"number\">–</td></tr>"));  // smoothness
  EXPECT_TRUE(contains(page, "3.25 <small>± 0.50</small>"));
  EXPECT_TRUE(contains(page, "needs &lt;4&gt; points"));
  EXPECT_TRUE(contains(page, "they disagree &amp; so on"));
  EXPECT_TRUE(contains(page, "The spectral geometry is msign on matrices"));
  EXPECT_TRUE(contains(page, "<li>noise of bias: zero noise</li>"));
}

TEST(Report, BundledChartLibraryKeepsItsLicence) {
  ASSERT_TRUE(has_bundled_charts()) << "built without the chart library (Debian: libjs-dygraphs)";
  const std::string page = report_page(sample().dump());
  EXPECT_TRUE(contains(page, "Permission is hereby granted") || contains(page, "dygraphs/blob/"));
  EXPECT_FALSE(contains(page, "sourceMappingURL")) << "a page that opens offline asks for nothing";
}

/// The (x, y) of the first `element` in an SVG.
std::vector<std::pair<double, double>> points_of(const std::string& page, const std::string& element) {
  std::smatch match;
  std::vector<std::pair<double, double>> out;
  if (!std::regex_search(page, match, std::regex("<" + element + " points=\"([^\"]*)\""))) return out;
  std::istringstream in(match[1]);
  double x = 0.0;
  double y = 0.0;
  for (char comma = 0; in >> x >> comma >> y;) out.emplace_back(x, y);
  return out;
}

TEST(Report, ChartsOfExperimentsDrawTheirColumns) {
  const json chart = {
      {"title", "t"},
      {"x_label", "a"},
      {"y_label", "b"},
      {"log_x", true},
      {"log_y", false},
      {"series",
       {{{"name", "s"}, {"x", {1, 10, 1000}}, {"y", {10, 30, 20}}, {"low", {5, 25, 15}}, {"high", {15, 50, 25}}}}}};
  const std::string page = report::experiment_charts({{"charts", {chart}}});
  const auto line = points_of(page, "polyline");
  ASSERT_EQ(line.size(), 3U);
  constexpr double kDigit = 0.2;  // coordinates have one decimal
  // Decades are equally wide, values equally high, and SVG counts downwards.
  EXPECT_NEAR(line[2].first - line[0].first, 3 * (line[1].first - line[0].first), 3 * kDigit);
  EXPECT_GT(line[1].first, line[0].first + 10);
  EXPECT_NEAR(line[0].second - line[1].second, 2 * (line[0].second - line[2].second), 2 * kDigit);
  EXPECT_LT(line[1].second, line[0].second - 10);
  // The band: high from left to right, then low from right to left.
  const auto band = points_of(page, "polygon");
  ASSERT_EQ(band.size(), 6U);
  const double unit = (line[0].second - line[1].second) / 20;  // of y
  const double expected[] = {15, 50, 25, 15, 25, 5};
  for (std::size_t i = 0; i < band.size(); ++i) {
    EXPECT_NEAR(band[i].second, line[0].second - (expected[i] - 10) * unit, kDigit) << i;
    EXPECT_NEAR(band[i].first, line[i < 3 ? i : 5 - i].first, kDigit) << i;
  }
}

TEST(Report, InterruptedAndPartialResultsMakeAPage) {
  json result = sample();
  result["complete"] = false;
  result.erase("measured");
  result.erase("verdict");
  EXPECT_TRUE(contains(report_page(result.dump()), "Interrupted"));
  EXPECT_TRUE(contains(report_page("{}"), "</html>"));
  // Values of the wrong type are left out, not fatal.
  EXPECT_TRUE(contains(
      report_page(R"({"measured":[3,{"optimizer":7,"curves":"x"}],"task":[],"seconds":1,"smoothness":2})"), "</html>"));
}

TEST(Report, NoWinnerIsSaidPlainly) {
  json result = sample();
  result["winner"] = nullptr;
  result["prediction_was_right"] = nullptr;
  const std::string page = report_page(result.dump());
  EXPECT_TRUE(contains(page, "No winner outside the noise"));
  EXPECT_FALSE(contains(page, "class=\"winner\""));
}

TEST(Report, WhatIsNoJsonObjectIsAUserError) {
  for (const char* text : {"", "{", "[1]", "null", "{\"a\":"}) EXPECT_THROW((void)report_page(text), UserError) << text;
}

TEST(Report, IsWrittenBesideTheResult) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "normdescent_report_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "result.json") << sample().dump();
  const auto path = write_report(folder);
  EXPECT_EQ(path, folder / "report.html");
  EXPECT_EQ(read_text(path), report_page(sample().dump()));
  std::filesystem::remove_all(folder);
  EXPECT_THROW((void)write_report(folder), UserError);
}

TEST(FailureModes, AreNamed) {
  std::string all;
  for (const auto& sentence : report::failure_modes(sample()["measured"])) all += sentence + "\n";
  EXPECT_TRUE(contains(all, "signum diverged at every learning rate"));
  EXPECT_TRUE(contains(all, "sgd diverged in the learning-rate search at 1.00."));
  EXPECT_TRUE(contains(all, "sgd at learning rate 0.100, seed 103, is stuck on a plateau at loss 3.36"));
  EXPECT_TRUE(contains(all, "sgd at learning rate 0.316: the seeds disagree"));
  EXPECT_TRUE(contains(all, "lion: the best learning rate 0.00100 lies at the end of the grid"));
  EXPECT_FALSE(contains(all, "muon at learning rate 0.0100, seed"));
}

TEST(FailureModes, ADivergedFinalRunIsNoDivergenceEverywhere) {
  json measured = sample()["measured"];
  for (auto& entry : measured) {
    if (entry["optimizer"] == "adamw") entry["diverged"] = true;  // its rates keep their final losses
  }
  std::string all;
  for (const auto& sentence : report::failure_modes(measured)) all += sentence + "\n";
  EXPECT_TRUE(contains(all, "adamw diverged in a final run at learning rate"));
  EXPECT_FALSE(contains(all, "adamw diverged at every"));
}

TEST(FailureModes, AHealthyRaceHasNone) {
  const json all = sample()["measured"];
  json measured = json::array();
  for (const auto& entry : all) {
    if (entry["optimizer"] == "adamw" || entry["optimizer"] == "signsgd") measured.push_back(entry);
  }
  EXPECT_TRUE(report::failure_modes(measured).empty());
}

}  // namespace
}  // namespace normdescent
