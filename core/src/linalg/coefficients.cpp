// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/coefficients.hpp"

#include <algorithm>
#include <array>

namespace normdescent {
namespace {

constexpr std::array kJordanSteps{QuinticStep{3.4445, -4.7750, 2.0315}};
constexpr std::array kClassicSteps{QuinticStep{1.5, -0.5, 0.0}};

// arXiv:2505.16932, Algorithm 1: p(s / 1.01) in place of p(s), which keeps s slightly above 1 inside the safe interval.
constexpr double kPolarExpressSafety = 1.01;
constexpr QuinticStep with_safety(QuinticStep step) {
  constexpr double f = kPolarExpressSafety;
  return {step.a / f, step.b / (f * f * f), step.c / (f * f * f * f * f)};
}
// What each set is known to do. tests/linalg/certify_test.cpp recomputes every line.
constexpr std::array kJordanCertificates{
    Certificate{.steps = 5, .input = {0.01, 1.0}, .output = {0.6818, 1.1344}},
    Certificate{.steps = 5, .input = {0.00151, 1.0}, .output = {0.6818, 1.2024}},
    Certificate{.steps = 5, .input = {0.001, 1.0}, .output = {0.4705, 1.2024}},
    Certificate{.steps = 5, .input = {0.0, 1.0}, .output = {0.0, 1.2024}},
    Certificate{.steps = 10, .input = {0.00518, 1.0}, .output = {0.6818, 1.1344}},
};
constexpr std::array kPolarExpressCertificates{
    Certificate{.steps = 4, .input = {0.001, 1.0}, .output = {0.4188, 1.5605}},
    Certificate{.steps = 5, .input = {0.003, 1.0}, .output = {0.8702, 1.1236}},
    Certificate{.steps = 5, .input = {0.001, 1.0}, .output = {0.8401, 1.1236}},
    Certificate{.steps = 5, .input = {0.0, 1.0}, .output = {0.0, 1.1236}},
    Certificate{.steps = 6, .input = {0.001, 1.0}, .output = {0.9934, 1.0012}},
    Certificate{.steps = 7, .input = {0.001, 1.0}, .output = {0.99998, 0.99999838}},
    Certificate{.steps = 8, .input = {0.0001, 1.0}, .output = {0.5701, 1.00000001}},
    Certificate{.steps = 12, .input = {0.0001, 1.0}, .output = {0.99999999, 1.00000001}},
};
constexpr std::array kClassicCertificates{
    Certificate{.steps = 12, .input = {0.01, 1.0}, .output = {0.8933, 1.00000001}},
    Certificate{.steps = 20, .input = {0.01, 1.0}, .output = {0.99999999, 1.00000001}},
};

constexpr std::array kPolarExpressSteps{
    with_safety({8.28721201814563, -23.595886519098837, 17.300387312530933}),
    with_safety({4.107059111542203, -2.9478499167379106, 0.5448431082926601}),
    with_safety({3.9486908534822946, -2.908902115962949, 0.5518191394370137}),
    with_safety({3.3184196573706015, -2.488488024314874, 0.51004894012372}),
    with_safety({2.300652019954817, -1.6689039845747493, 0.4188073119525673}),
    with_safety({1.891301407787398, -1.2679958271945868, 0.37680408948524835}),
    with_safety({1.8750014808534479, -1.2500016453999487, 0.3750001645474248}),
    QuinticStep{1.875, -1.25, 0.375},
};

}  // namespace

const CoefficientSet& jordan_coefficients() {
  static constexpr CoefficientSet kSet{.name = "jordan",
                                       .schedule = kJordanSteps,
                                       .safety = 1.0,
                                       .default_steps = 5,
                                       .certificates = kJordanCertificates};
  return kSet;
}

const CoefficientSet& polar_express_coefficients() {
  static constexpr CoefficientSet kSet{.name = "polar-express",
                                       .schedule = kPolarExpressSteps,
                                       .safety = kPolarExpressSafety,
                                       .default_steps = 5,
                                       .certificates = kPolarExpressCertificates};
  return kSet;
}

const CoefficientSet& classic_coefficients() {
  static constexpr CoefficientSet kSet{.name = "classic",
                                       .schedule = kClassicSteps,
                                       .safety = 1.0,
                                       .default_steps = 12,
                                       .certificates = kClassicCertificates};
  return kSet;
}

const CoefficientSet* find_coefficients(std::string_view name) {
  for (const auto* set : {&polar_express_coefficients(), &jordan_coefficients(), &classic_coefficients()}) {
    if (set->name == name) return set;
  }
  return nullptr;
}

std::vector<std::string> coefficient_names() { return {"polar-express", "jordan", "classic"}; }

double map_singular_value(const CoefficientSet& set, int steps, double s) {
  s /= set.safety;
  for (int k = 0; k < steps; ++k) {
    const auto& [a, b, c] = set.step(k);
    s *= a + s * s * (b + s * s * c);
  }
  return s;
}

}  // namespace normdescent
