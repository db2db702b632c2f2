// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "normdescent/scoreboard/text.hpp"

namespace normdescent {

namespace {

// Four significant digits: far below the errors of what they predict.
std::string number(double value) {
  if (std::isnan(value)) return "kNaN";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

std::string numbers(const std::vector<double>& values) {
  std::string list;
  for (const double value : values) list += (list.empty() ? "" : ", ") + number(value);
  return "{" + list + "}";
}

std::string names(const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "\"" : ", \"") + value + "\"";
  return "{" + list + "}";
}

std::string model(const LinearModel& m) {
  return "{.intercept = " + number(m.intercept) + ", .low = " + numbers(m.low) + ", .high = " + numbers(m.high) +
         ", .centre = " + numbers(m.centre) + ", .scale = " + numbers(m.scale) +
         ", .coefficient = " + numbers(m.coefficient) + "}";
}

}  // namespace

std::string calibration_source(const Calibration& calibration) {
  std::ostringstream out;
  out << "// SPDX-License-Identifier: Apache-2.0\n"
         "// Made by `normdescent scoreboard --fit DIR | clang-format` from the races of "
      << calibration.problems.size()
      << " problems: docs/scoreboard.md. Not written by hand.\n"
         "#include <limits>\n\n#include \"normdescent/predict/calibration.hpp\"\n\n"
         "namespace normdescent {\n\n"
         "const Calibration& shipped_calibration() {\n"
         "  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();  // not measured\n"
         "  static const Calibration calibration{\n"
         "      .features = "
      << names(calibration.features) << ",\n      .problems = " << names(calibration.problems)
      << ",\n      .optimizers = {\n";
  for (const OptimizerCalibration& o : calibration.optimizers) {
    out << "          {.optimizer = \"" << o.optimizer << "\",\n           .over_sgd = " << model(o.over_sgd)
        << ",\n           .over_adamw = " << model(o.over_adamw) << ",\n           .standing = " << model(o.standing)
        << ",\n           .rate_ratio = " << number(o.rate_ratio)
        << ",\n           .rate_ratio_error = " << number(o.rate_ratio_error)
        << ",\n           .errors_over_sgd = " << numbers(o.errors_over_sgd)
        << ",\n           .errors_over_adamw = " << numbers(o.errors_over_adamw)
        << ",\n           .errors_standing = " << numbers(o.errors_standing) << "},\n";
  }
  out << "      }};\n  (void)kNaN;\n  return calibration;\n}\n\n}  // namespace normdescent\n";
  return out.str();
}

}  // namespace normdescent
