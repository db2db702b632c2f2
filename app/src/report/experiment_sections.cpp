// SPDX-License-Identifier: Apache-2.0
#include "experiment_sections.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "html.hpp"
#include "normdescent/base/text.hpp"

namespace normdescent::report {
namespace {

using nlohmann::json;

// The drawing area in SVG units; labels stand left of and below it.
constexpr double kLeft = 68.0;
constexpr double kTop = 8.0;
constexpr double kWidth = 640.0;
constexpr double kHeight = 300.0;

double entry(const json& values, std::size_t i) {
  return i < values.size() && values[i].is_number() ? values[i].get<double>()
                                                    : std::numeric_limits<double>::quiet_NaN();
}

/// Values to [0, 1], linear or logarithmic, with round ticks.
class Axis {
 public:
  explicit Axis(bool is_log) : is_log_(is_log) {}

  void include(double value) {
    if (!shows(value)) return;
    low_ = std::min(low_, place(value));
    high_ = std::max(high_, place(value));
  }
  [[nodiscard]] bool shows(double value) const { return std::isfinite(value) && (!is_log_ || value > 0.0); }
  [[nodiscard]] bool is_empty() const { return low_ > high_; }
  [[nodiscard]] double share(double value) const {
    const double span = high_ - low_;
    return span > 0.0 ? (place(value) - low_) / span : 0.5;
  }
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> out;
    const double span = high_ - low_;
    if (is_log_ && span >= 1.0) {
      const double stride = std::ceil(span / 7.0);
      for (double k = std::ceil(low_ - 1e-9); k <= high_ + 1e-9; k += stride) out.push_back(std::pow(10.0, k));
      return out;
    }
    const double low = is_log_ ? std::pow(10.0, low_) : low_;
    const double high = is_log_ ? std::pow(10.0, high_) : high_;
    if (!(high > low)) return {low};
    double stride = std::pow(10.0, std::floor(std::log10(high - low)));
    for (const double finer : {2.0, 2.5, 2.0}) {
      if ((high - low) / stride < 4.0) stride /= finer;
    }
    for (double k = std::ceil(low / stride - 1e-9); k * stride <= high * (1 + 1e-9); ++k) out.push_back(k * stride);
    return out;
  }

 private:
  [[nodiscard]] double place(double value) const { return is_log_ ? std::log10(value) : value; }

  bool is_log_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

std::string tick_text(double value) {
  const double size = std::abs(value);
  if (value == 0.0) return "0";
  if (size >= 1e5 || size < 1e-3) {
    const double power = std::floor(std::log10(size) + 1e-9);
    const double mantissa = value / std::pow(10.0, power);
    const std::string digits = std::abs(mantissa - 1.0) < 1e-6 ? "" : significant(mantissa, 2) + "·";
    return digits + "10<tspan dy=\"-4\" font-size=\"9\">" + fixed(power, 0) + "</tspan>";
  }
  std::string text = fixed(value, 3);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

struct Plane {
  Axis x;
  Axis y;
  [[nodiscard]] bool shows(double px, double py) const { return x.shows(px) && y.shows(py); }
  [[nodiscard]] std::string point(double px, double py) const {
    return fixed(kLeft + kWidth * x.share(px), 1) + "," + fixed(kTop + kHeight * (1.0 - y.share(py)), 1);
  }
};

std::string line(double x1, double y1, double x2, double y2) {
  return "<line x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 1) + "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" +
         fixed(y2, 1) + "\"/>";
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" text-anchor=\"" + anchor + "\">" + text + "</text>";
}

std::string axes(const Plane& plane, const json& chart) {
  std::string grid;
  std::string texts;
  for (const double tick : plane.x.ticks()) {
    const double x = kLeft + kWidth * plane.x.share(tick);
    grid += line(x, kTop, x, kTop + kHeight);
    texts += label(x, kTop + kHeight + 18.0, "middle", tick_text(tick));
  }
  for (const double tick : plane.y.ticks()) {
    const double y = kTop + kHeight * (1.0 - plane.y.share(tick));
    grid += line(kLeft, y, kLeft + kWidth, y);
    texts += label(kLeft - 8.0, y + 4.0, "end", tick_text(tick));
  }
  texts += label(kLeft + kWidth / 2.0, kTop + kHeight + 38.0, "middle", escaped(text(chart, "x_label")));
  texts += "<text transform=\"translate(14," + fixed(kTop + kHeight / 2.0, 1) +
           ") rotate(-90)\" text-anchor=\"middle\">" + escaped(text(chart, "y_label")) + "</text>";
  return "<g stroke=\"var(--line)\">" + grid + "</g><g fill=\"var(--quiet)\" font-size=\"12\">" + texts + "</g>\n";
}

std::string curve(const Plane& plane, const json& series, const std::string& color) {
  const json& x = list(series, "x");
  const json& y = list(series, "y");
  std::string points;
  std::string dots;
  std::string upper;
  std::string lower;
  const bool marks = x.size() <= 24;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double px = entry(x, i);
    const double py = entry(y, i);
    if (!plane.shows(px, py)) continue;
    const std::string at = plane.point(px, py);
    points += at + " ";
    if (marks) {
      const auto comma = at.find(',');
      dots += "<circle cx=\"" + at.substr(0, comma) + "\" cy=\"" + at.substr(comma + 1) + "\" r=\"3\"/>";
    }
    const double low = entry(list(series, "low"), i);
    const double high = entry(list(series, "high"), i);
    if (plane.shows(px, low) && plane.shows(px, high)) {
      upper += plane.point(px, high) + " ";
      lower = plane.point(px, low) + " " + lower;
    }
  }
  std::string out;
  if (!upper.empty()) out += "<polygon points=\"" + upper + lower + "\" fill=\"" + color + "\" fill-opacity=\"0.18\"/>";
  return out + "<polyline points=\"" + points + "\" fill=\"none\" stroke=\"" + color +
         "\" stroke-width=\"2\"/><g fill=\"" + color + "\">" + dots + "</g>\n";
}

std::string figure(const json& chart) {
  Plane plane{Axis(flag(chart, "log_x")), Axis(flag(chart, "log_y"))};
  for (const auto& series : list(chart, "series")) {
    const json& x = list(series, "x");
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double px = entry(x, i);
      for (const char* key : {"y", "low", "high"}) {
        const double py = entry(list(series, key), i);
        if (!plane.shows(px, py)) continue;
        plane.x.include(px);
        plane.y.include(py);
      }
    }
  }
  if (plane.x.is_empty()) return {};
  constexpr int kColors = 8;  // --c0 to --c7 of report.css
  std::string legend;
  std::string curves;
  int number = 1;
  for (const auto& series : list(chart, "series")) {
    const std::string color = "var(--c" + std::to_string(number++ % kColors) + ")";
    legend +=
        "<span><i class=\"dot\" style=\"background:" + color + "\"></i>" + escaped(text(series, "name")) + "</span>";
    curves += curve(plane, series, color);
  }
  return "<figure><p class=\"legend\">" + legend + "</p>\n<svg viewBox=\"0 0 " + fixed(kLeft + kWidth + 28.0, 0) + " " +
         fixed(kTop + kHeight + 48.0, 0) + "\" role=\"img\" font-family=\"var(--sans)\">\n" + axes(plane, chart) +
         curves + "</svg>\n<figcaption>" + escaped(as_sentence(text(chart, "title"))) + "</figcaption></figure>\n";
}

}  // namespace

std::string experiment_checks(const json& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& check : list(result, "checks")) {
    const bool passed = flag(check, "passed");
    rows.push_back({escaped(text(check, "name")), significant(number(check, "value"), 4),
                    escaped(text(check, "expected")), passed ? "passed" : "<b>failed</b>"});
  }
  if (rows.empty()) return {};
  return "<p class=\"lead\">" + escaped(text(result, "claim")) + "</p>\n" +
         table("What the claim demands, and what was measured", {{"Check"}, {"Value", true}, {"Expected"}, {"Outcome"}},
               rows);
}

std::string experiment_charts(const json& result) {
  std::string out;
  for (const auto& chart : list(result, "charts")) out += figure(chart);
  return out;
}

}  // namespace normdescent::report
