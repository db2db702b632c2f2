// SPDX-License-Identifier: Apache-2.0
// Drawn tables and matrices: regression, logistic regression, factorization. The truth is drawn once from a fixed key.
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "families.hpp"
#include "model_problem.hpp"
#include "vector_models.hpp"
#include "zipf.hpp"

namespace normdescent {
namespace {

using MakeProblem = std::function<std::shared_ptr<const Problem>()>;

constexpr std::size_t kWidth = 64;
constexpr std::uint64_t kTruthKey = 0x7121ULL;

/// Inputs of variance i^-2 along 64 directions, i = 1 .. 64: condition 4096.
struct RegressionTable {
  bool is_rotated = false;    ///< the directions are those of a random rotation instead of the axes
  double noise = 0.1;         ///< scale of the targets' noise in training
  double tail = 0.0;          ///< 0: Gaussian noise; otherwise P(|noise| > t) ~ t^-tail (symmetric Pareto)
  bool is_nonlinear = false;  ///< target is sin of the linear one
};

/// A fixed rotation as three Householder reflections: x <- x - 2 v <v, x>.
class Rotation {
 public:
  Rotation() {
    for (std::size_t k = 0; k < kReflections; ++k) {
      Philox random(kTruthKey, k + 1);
      double square = 0.0;
      for (double& v : normals_[k]) {
        v = random.normal();
        square += v * v;
      }
      for (double& v : normals_[k]) v /= std::sqrt(square);
    }
  }
  void operator()(std::vector<double>& x) const {
    for (const auto& normal : normals_) {
      double product = 0.0;
      for (std::size_t i = 0; i < kWidth; ++i) product += normal[i] * x[i];
      for (std::size_t i = 0; i < kWidth; ++i) x[i] -= 2.0 * product * normal[i];
    }
  }

 private:
  static constexpr std::size_t kReflections = 3;
  std::vector<double> normals_[kReflections] = {std::vector<double>(kWidth), std::vector<double>(kWidth),
                                                std::vector<double>(kWidth)};
};

double noise_of(const RegressionTable& table, Philox& random) {
  if (table.tail == 0.0) return table.noise * random.normal();
  const double size = std::pow(random.uniform(), -1.0 / table.tail) - 1.0;
  return random.uniform() < 0.5 ? -table.noise * size : table.noise * size;
}

ExampleSource regression_source(const RegressionTable& table) {
  const auto draw_with = [table, rotate = Rotation()](bool has_noise) -> DrawValue {
    return [=](Philox& random, std::span<float> inputs) {
      std::vector<double> x(kWidth);
      double target = 0.0;
      for (std::size_t i = 0; i < kWidth; ++i) {
        const double z = random.normal();
        x[i] = z / static_cast<double>(i + 1);
        // The truth weighs every direction by its own scale: also the flat ones have to be learned.
        target += (i % 2 == 0 ? z : -z) / std::sqrt(static_cast<double>(i + 1));
      }
      if (table.is_rotated) rotate(x);
      for (std::size_t i = 0; i < kWidth; ++i) inputs[i] = static_cast<float>(x[i]);
      if (table.is_nonlinear) target = std::sin(0.4 * target);
      return static_cast<float>(has_noise ? target + noise_of(table, random) : target);
    };
  };
  // Held out without noise: its square has no mean where the tail is heavy.
  return drawn_values(kWidth, draw_with(true), 512, draw_with(false));
}

MakeProblem regression(std::string name, std::uint32_t batch_size, RegressionTable table,
                       std::vector<std::int64_t> widths) {
  return [=] {
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = regression_source(table),
                               .make = [widths] { return make_regression(widths); },
                               .initialization = {.gain = widths.size() > 2 ? 1.0 : 0.1}});
  };
}

/// 40 numeric columns around the means of 6 classes, and 60 columns of 0 and 1 of which column k is set with
/// probability 0.5 / (k + 1): like a table with categories. Class by means and by the rare columns.
MakeProblem table_classes(std::string name, std::uint32_t batch_size, std::vector<std::int64_t> hidden) {
  return [=] {
    constexpr std::size_t kNumeric = 40;
    constexpr std::size_t kCategories = 60;
    constexpr std::int64_t kClasses = 6;
    const auto draw = [](Philox& random, std::span<float> inputs) {
      auto label = static_cast<std::int64_t>(random.below(kClasses));
      for (std::size_t i = 0; i < kNumeric; ++i) {
        const double mean = Philox(kTruthKey, static_cast<std::uint64_t>(label), 2 * i).normal();
        inputs[i] = static_cast<float>(0.35 * mean + random.normal());
      }
      for (std::size_t k = 0; k < kCategories; ++k) {
        const bool is_set = random.uniform() < 0.5 / static_cast<double>(k + 1);
        inputs[kNumeric + k] = is_set ? 1.0F : 0.0F;
        if (is_set && k % 10 == 9) label = static_cast<std::int64_t>(k / 10);
      }
      return label;
    };
    std::vector<std::int64_t> widths{kNumeric + kCategories};
    widths.insert(widths.end(), hidden.begin(), hidden.end());
    widths.push_back(kClasses);
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = drawn_classes({kNumeric + kCategories}, draw, 512),
                               .make = [widths] { return make_classifier(widths); },
                               .initialization = {.gain = hidden.empty() ? 0.1 : std::numbers::sqrt2}});
  };
}

constexpr std::size_t kRows = 400;
constexpr std::size_t kColumns = 250;
constexpr std::size_t kTrueRank = 4;

double true_factor(std::uint64_t side, std::int64_t index, std::size_t k) {
  return Philox(kTruthKey + side, static_cast<std::uint64_t>(index), 2 * k).normal();
}

/// Ratings of rows by columns: popular ones are seen often, most hardly ever.
MakeProblem factorization(std::string name, std::uint32_t batch_size, double exponent) {
  return [=] {
    const auto draw = [rows = Zipf(kRows, exponent), columns = Zipf(kColumns, exponent)](Philox& random,
                                                                                         std::span<float> inputs) {
      const std::int64_t i = rows(random.uniform());
      const std::int64_t j = columns(random.uniform());
      inputs[0] = static_cast<float>(i);
      inputs[1] = static_cast<float>(j);
      double target = 0.0;
      for (std::size_t k = 0; k < kTrueRank; ++k) target += true_factor(1, i, k) * true_factor(2, j, k);
      return static_cast<float>(0.5 * target + 0.1 * random.normal());
    };
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = drawn_values(2, draw, 2048),
                               .make = [] { return make_factorization(kRows, kColumns, 2 * kTrueRank); },
                               .initialization = {.table_deviation = 0.3}});
  };
}

/// A matrix of rank 4 seen through Gaussian a^T M b: every measurement touches every entry of both factors.
MakeProblem matrix_sensing(std::string name, std::uint32_t batch_size) {
  return [=] {
    constexpr std::size_t kSide = 48;
    const auto draw = [](Philox& random, std::span<float> inputs) {
      for (float& x : inputs) x = static_cast<float>(random.normal());
      double target = 0.0;
      for (std::size_t k = 0; k < kTrueRank; ++k) {
        double left = 0.0;
        double right = 0.0;
        for (std::size_t i = 0; i < kSide; ++i) {
          left += true_factor(3, static_cast<std::int64_t>(i), k) * static_cast<double>(inputs[i]);
          right += true_factor(4, static_cast<std::int64_t>(i), k) * static_cast<double>(inputs[kSide + i]);
        }
        // Singular values 1, 1/2, 1/4, 1/8 of the largest.
        target += std::ldexp(left * right, -static_cast<int>(k)) / static_cast<double>(kSide);
      }
      return static_cast<float>(target + 0.05 * random.normal());
    };
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = drawn_values(2 * kSide, draw, 1024),
                               .make = [] { return make_bilinear(kSide, kSide, 2 * kTrueRank); },
                               .initialization = {.gain = 0.3}});
  };
}

}  // namespace

std::vector<ZooProblem> vector_problems() {
  constexpr auto kW = static_cast<std::int64_t>(kWidth);
  return {
      {"linear-axis", "regression", "least squares, condition 4096 along the axes: coordinates can be told apart", 16,
       300, true, regression("linear-axis", 16, {}, {kW, 1})},
      {"linear-rotated", "regression", "the same spectrum rotated: no coordinate knows its curvature", 16, 300, false,
       regression("linear-rotated", 16, {.is_rotated = true}, {kW, 1})},
      {"linear-heavy-noise", "regression", "targets with noise of tail index 1.5: single gradients dwarf the rest", 16,
       300, true, regression("linear-heavy-noise", 16, {.is_rotated = true, .noise = 0.3, .tail = 1.5}, {kW, 1})},
      {"linear-batch-1", "regression", "least squares, one example a step", 1, 2000, false,
       regression("linear-batch-1", 1, {.is_rotated = true}, {kW, 1})},
      {"mlp-regression", "regression", "a tanh perceptron on a rotated table, squared error", 64, 300, false,
       regression("mlp-regression", 64, {.is_rotated = true, .is_nonlinear = true}, {kW, 64, 32, 1})},
      {"logistic-table", "table", "softmax regression on numeric columns and rare categories: convex", 32, 300, true,
       table_classes("logistic-table", 32, {})},
      {"mlp-table", "table", "a perceptron on the same table", 64, 200, false,
       table_classes("mlp-table", 64, {64, 32})},
      {"factorization-zipf", "factorization", "ratings of popular and of hardly seen rows: sparse gradients", 64, 400,
       false, factorization("factorization-zipf", 64, 1.0)},
      {"factorization-uniform", "factorization", "the same with all rows equally frequent", 64, 400, false,
       factorization("factorization-uniform", 64, 0.0)},
      {"matrix-sensing", "factorization", "two dense factors of low rank: spectra that one matrix norm sees at once",
       64, 300, true, matrix_sensing("matrix-sensing", 64)},
  };
}

}  // namespace normdescent
