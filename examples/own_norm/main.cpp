// SPDX-License-Identifier: Apache-2.0
// A norm of one's own: every head (two rows of a matrix) may move by the same length. Probed, raced, reported, checked.
#include <cstdio>
#include <normdescent/base/philox.hpp>
#include <normdescent/compare/compare.hpp>
#include <normdescent/norms/norms.hpp>
#include <normdescent/optimizers/norm_descent.hpp>
#include <normdescent/testing/norm_invariants.hpp>

using namespace normdescent;
using View = MatrixView<const double>;

struct HeadWise {  // value = max over heads of ||G_h||_F, dual = sum of ||G_h||_F, dual_unit_h = G_h / ||G_h||_F
  static void for_heads(View g, const auto& f) {
    for (Index i = 0; i < g.rows; i += 2) f(View{g.data + i * g.cols, std::min<Index>(2, g.rows - i), g.cols});
  }
  static std::vector<double> lengths(View g) {
    std::vector<double> result;
    for_heads(g, [&](View h) { result.push_back(L2{}.value(h)); });
    return result;
  }
  double value(View g) const { return L1{}.dual(as_column<const double>(lengths(g))); }
  double dual(View g) const { return L1{}.value(as_column<const double>(lengths(g))); }
  void dual_unit(View g, MatrixView<double> out) const {
    for_heads(g, [&](View h) { L2{}.dual_unit(h, {out.data + (h.data - g.data), h.rows, h.cols}); });
  }
};

struct Quadratic : Objective {  // f(W) = ||W - A||_F^2 / 2 + <noise, W>, heads of A of sizes 1, 1/2 and 1/3
  ParameterBuffer<float> w{{{"W", {6, 6}, Role::matrix}}};
  std::span<const Parameter> parameters() const override { return w.parameters(); }
  double gradient(const Batch& batch) override { return evaluate(batch, w.gradients().data()); }
  double loss(const Batch& batch) override { return evaluate(batch, nullptr); }
  double validation_loss() override { return evaluate({.stream = 7, .count = 1U << 30U}, nullptr); }
  double evaluate(const Batch& batch, float* gradient) {
    double loss = 0.0;
    for (std::size_t i = 0; i < 36; ++i) {
      const double error = w.values()[i] - 1.0 / static_cast<double>(1 + i / 12);
      const double noise = Philox(batch.stream, batch.first, 9 * i).normal() / std::sqrt(batch.count);
      if (gradient != nullptr) gradient[i] = static_cast<float>(error + noise);
      loss += 0.5 * error * error + noise * w.values()[i];
    }
    return loss;
  }
};

int main() {
  const Geometry heads("head-wise", HeadWise{});
  CompareOptions options{.optimizers = {"sgd", "muon"}, .own = {{"heads", norm_descent(heads)}}};
  options.probe.geometries.push_back(heads);
  CompareObserver quiet;
  const ProblemFrom problem("quadratic", 8, [](std::uint64_t) { return std::make_unique<Quadratic>(); });
  const auto result = compare(problem, options, quiet);
  for (const auto& m : result.probe.start.geometries)
    std::printf("%s: noise %g\n", m.geometry.name().c_str(), m.noise_scale);
  for (const auto& c : result.race.contestants) std::printf("%s: loss %g\n", c.name.c_str(), c.final_loss);
  std::printf("%s\n", result.verdict.c_str());
  const bool is_norm = testing::check_norm<double>(HeadWise{}, "head-wise").passed();
  return is_norm && result_json(result, {}, options).find("\"head-wise\"") != std::string::npos ? 0 : 1;
}
