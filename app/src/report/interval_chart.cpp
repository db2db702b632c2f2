// SPDX-License-Identifier: Apache-2.0
#include "interval_chart.hpp"

#include <algorithm>
#include <cmath>

#include "html.hpp"
#include "normdescent/base/text.hpp"

namespace normdescent::report {
namespace {

bool exists(const Estimate& e) { return std::isfinite(e.value) && e.value > 0.0; }

/// Positions on the logarithmic axis, in percent of its width.
class LogAxis {
 public:
  explicit LogAxis(const std::vector<IntervalRow>& rows) {
    double low = 1.0;
    double high = 1.0;
    for (const auto& row : rows) {
      for (const Estimate& e : {row.predicted, row.measured}) {
        if (!exists(e)) continue;
        for (const double end : {e.low, e.value, e.high}) {
          if (!std::isfinite(end) || end <= 0.0) continue;
          // An interval may be absurdly wide; the axis shows at most a factor 64 to either side of SGD.
          low = std::min(low, std::max(end, 1.0 / 64.0));
          high = std::max(high, std::min(end, 64.0));
        }
      }
    }
    low_ = std::log2(low) - kMargin;
    high_ = std::log2(high) + kMargin;
  }
  [[nodiscard]] double percent(double value) const {
    return 100.0 * std::clamp((std::log2(value) - low_) / (high_ - low_), 0.0, 1.0);
  }
  /// Powers of two, or of four on a wide axis.
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> out;
    const double stride = high_ - low_ > 6.0 ? 2.0 : 1.0;
    for (double k = std::ceil(low_ / stride) * stride; k <= high_; k += stride) out.push_back(std::exp2(k));
    return out;
  }

 private:
  static constexpr double kMargin = 0.2;  // of a factor two, at both ends
  double low_ = 0.0;
  double high_ = 1.0;
};

std::string left(double percent) { return "left:" + fixed(percent, 2) + "%"; }

std::string speedup_tick(double value) {
  if (value >= 1.0) return fixed(value, 0) + "×";
  return "1/" + fixed(1.0 / value, 0) + "×";
}

std::string mark(const Estimate& e, const LogAxis& axis, const char* kind) {
  if (!exists(e)) return {};
  std::string out;
  const double low = axis.percent(std::isfinite(e.low) && e.low > 0.0 ? e.low : e.value);
  const double high = axis.percent(std::isfinite(e.high) && e.high > 0.0 ? e.high : e.value);
  out += std::string("<i class=\"range ") + kind + "\" style=\"" + left(low) +
         ";width:" + fixed(std::max(high - low, 0.0), 2) + "%\"></i>";
  out += std::string("<i class=\"dot ") + kind + "\" style=\"" + left(axis.percent(e.value)) + "\"></i>";
  return out;
}

}  // namespace

std::string interval_chart(const std::vector<IntervalRow>& rows) {
  const bool has_any = std::any_of(
      rows.begin(), rows.end(), [](const IntervalRow& row) { return exists(row.predicted) || exists(row.measured); });
  if (!has_any) return {};
  const LogAxis axis(rows);
  std::string grid;
  std::string labels;
  for (const double tick : axis.ticks()) {
    const bool is_sgd = tick == 1.0;
    grid +=
        std::string("<i class=\"grid") + (is_sgd ? " one" : "") + "\" style=\"" + left(axis.percent(tick)) + "\"></i>";
    labels += "<span style=\"" + left(axis.percent(tick)) + "\">" + speedup_tick(tick) + "</span>";
  }
  std::string out =
      "<figure class=\"intervals\" aria-hidden=\"true\"><p class=\"legend\"><span><i class=\"dot "
      "predicted\"></i>predicted"
      "</span><span><i class=\"dot measured\"></i>measured</span></p>\n";
  for (const auto& row : rows) {
    out += "<div class=\"row\"><b>" + escaped(row.name) + "</b><div class=\"track\">" + grid +
           mark(row.predicted, axis, "predicted") + mark(row.measured, axis, "measured");
    if (!row.note.empty()) out += "<em>" + escaped(row.note) + "</em>";
    out += "</div></div>\n";
  }
  out += "<div class=\"row axis\"><b></b><div class=\"track\">" + labels + "</div></div>\n";
  return out +
         "<figcaption>Steps SGD needs over steps needed for the same validation loss; intervals of 80% (predicted) and "
         "95% (measured). "
         "Right of 1× is faster than SGD.</figcaption></figure>\n";
}

}  // namespace normdescent::report
