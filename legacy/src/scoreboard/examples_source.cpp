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

}  // namespace

std::string examples_source(std::span<const Example> examples) {
  std::ostringstream out;
  out << "// SPDX-License-Identifier: Apache-2.0\n"
         "// Made by `normdescent scoreboard --fit DIR` from the races of "
      << examples.size()
      << " problems: docs/scoreboard.md. Not written by hand.\n"
         "//\n"
         "// A row an optimizer: its features in the order of features.hpp; log2 of its speed-up over SGD and over "
         "AdamW,\n"
         "// standing, log10 of the race's best rate over the short race's.\n"
         "#include \"normdescent/base/numbers.hpp\"\n#include \"normdescent/predict/calibration.hpp\"\n\n"
         "namespace normdescent {\n\n"
         "const std::vector<Example>& shipped_examples() {\n"
         "  // clang-format off\n"
         "  static const std::vector<Example> examples{\n";
  for (const Example& example : examples) {
    out << "      {.problem = \"" << example.problem << "\", .optimizers = {\n";
    for (const Observation& o : example.optimizers) {
      out << "          {\"" << o.optimizer << "\", " << numbers(o.features) << ",\n           " << number(o.over_sgd)
          << ", " << number(o.over_adamw) << ", " << number(o.standing) << ", " << number(o.rate_ratio) << "},\n";
    }
    out << "      }},\n";
  }
  out << "  };\n  // clang-format on\n  return examples;\n}\n\n}  // namespace normdescent\n";
  return out.str();
}

}  // namespace normdescent
