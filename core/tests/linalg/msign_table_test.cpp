// SPDX-License-Identifier: Apache-2.0
// The safety table of docs/msign.md is computed here; the test is that the document holds every line.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "normdescent/linalg/halley.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/linalg/resolvent.hpp"

namespace normdescent {
namespace {

// Ends are rounded outward, so that the printed interval is certified too.
std::string text(Interval x) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "[%.4f, %.4f]", std::floor(x.low * 1e4) / 1e4,
                std::ceil(x.high * 1e4) / 1e4);
  return buffer.data();
}

Interval image(const std::string& method, int steps, double low, double high) {
  if (method == "resolvent") return certify_resolvent(low, high);
  const CoefficientSet* set = find_coefficients(method);
  return set == nullptr ? certify_halley(steps, low, high) : certify(*set, steps, low, high);
}

std::string line(const std::string& method, int steps) {
  const double tiny = 1e-12;
  const double gain = image(method, steps, tiny, tiny).high / tiny;
  std::array<char, 32> printed{};
  std::snprintf(printed.data(), printed.size(), "%.0f", gain);
  return "| " + method + " | " + std::to_string(steps) + " | " + text(image(method, steps, 1e-3, 1.0)) + " | " +
         text(image(method, steps, 1e-2, 1.0)) + " | " + text(image(method, steps, 0.1, 1.0)) + " | " +
         text(image(method, steps, 1.0, 1.0 + kNormalizationRounding)) + " | " + printed.data() + " |";
}

TEST(SafetyTable, OfTheDocumentIsTheOneComputed) {
  std::stringstream document;
  document << std::ifstream(NORMDESCENT_DOCS "/msign.md").rdbuf();
  const std::string all = document.str();
  for (const auto& method : {"halley", "polar-express", "jordan", "classic"}) {
    const int own = default_polar_steps(method);
    for (const int steps : {own, own + 1, own + 3}) {
      EXPECT_NE(all.find(line(method, steps)), std::string::npos) << "docs/msign.md lacks\n" << line(method, steps);
    }
  }
  EXPECT_NE(all.find(line("resolvent", 1)), std::string::npos) << "docs/msign.md lacks\n" << line("resolvent", 1);
}

}  // namespace
}  // namespace normdescent
