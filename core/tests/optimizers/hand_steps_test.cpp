// SPDX-License-Identifier: Apache-2.0
// Two steps of every optimizer of the catalog, computed by hand in the comments. exact_steps_test, directions_test and
// shampoo_test go into the options; this table is there so that no name is without one.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

using Numbers = std::vector<double>;

struct HandSteps {
  std::string optimizer;
  std::map<std::string, std::string> options;
  std::vector<Index> shape;
  Role role;
  Numbers start;
  std::vector<Numbers> gradients;
  std::vector<Numbers> values;  ///< after each step
  double tolerance = 0.0;       ///< 0 where all numbers are dyadic
};

// Of LAPACK's singular values and eigenvalues, and of roots that are no binary fractions.
constexpr double kRounding = 1e-14;
// msign by SVD of a diagonal matrix is the sign of its diagonal.
const std::string kExact = "svd";
const double kRoot2 = std::sqrt(2.0);

std::vector<HandSteps> hand_steps() {
  const Role vector = Role::vector;
  const Role matrix = Role::matrix;
  return {
      // b = 4, x = 4 - 4/4 = 3; b = 2 + 2 = 4, x = 2
      {"sgd", {{"learning_rate", "0.25"}, {"beta", "0.5"}}, {1}, vector, {4}, {{4}, {2}}, {{3}, {2}}},
      // ||g|| = 8 for four entries of 4; then 0/0 := 0
      {"normalized-sgd",
       {{"learning_rate", "0.5"}},
       {4},
       vector,
       {1, 1, 1, 1},
       {{4, -4, 4, 4}, {0, 0, 0, 0}},
       {{0.75, 1.25, 0.75, 0.75}, {0.75, 1.25, 0.75, 0.75}}},
      // rows (0, 2) and (0, 0), then (4, 0) and (0, -3)
      {"row-normalized-sgd",
       {{"learning_rate", "0.5"}},
       {2, 2},
       matrix,
       {1, 1, 1, 1},
       {{0, 2, 0, 0}, {4, 0, 0, -3}},
       {{1, 0.5, 1, 1}, {0.5, 0.5, 1, 1.5}}},
      // x = (1 - 1/8) x - 1/4 sign(g)
      {"signsgd",
       {{"learning_rate", "0.25"}, {"decoupled_decay", "0.5"}},
       {2},
       vector,
       {8, 8},
       {{3, -0.0}, {-1, 2}},
       {{6.75, 7}, {6.15625, 5.875}}},
      // m = 2; m = 1 - 0.5 = 0.5: against the second gradient
      {"signum", {{"learning_rate", "0.25"}, {"beta", "0.5"}}, {1}, vector, {1}, {{4}, {-1}}, {{0.75}, {0.5}}},
      // u = 2, m = 3; u = 1.5 - 1 = 0.5
      {"lion",
       {{"learning_rate", "0.25"}, {"beta1", "0.5"}, {"beta2", "0.25"}},
       {1},
       vector,
       {1},
       {{4}, {-2}},
       {{0.75}, {0.5}}},
      // M = diag(2, -1), signs (1, -1); M = diag(1 - 4, -0.5): signs (-1, -1)
      {"muon",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}, {"method", kExact}, {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {1, 0, 0, 1},
       {{4, 0, 0, -2}, {-8, 0, 0, 0}},
       {{0.75, 0, 0, 1.25}, {1, 0, 0, 1.5}},
       kRounding},
      // B = diag(4, 4), U = B/2 + G; B = diag(-1, 0.5), U = diag(-3.5, -1.25), where B alone would turn one sign only
      {"muonlight",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}, {"method", kExact}, {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {1, 0, 0, 1},
       {{4, 0, 0, 4}, {-3, 0, 0, -1.5}},
       {{0.75, 0, 0, 0.75}, {1, 0, 0, 1}},
       kRounding},
      // m = 2, v = 4, both /(1/2) and /(1/4): 4/(4 + 4); then m = 1 + 0 over 3/4, v = 3 over 7/16:
      // (4/3)/(sqrt(48/7) + 4)
      {"adamw",
       {{"learning_rate", "1"}, {"beta1", "0.5"}, {"beta2", "0.75"}, {"epsilon", "4"}, {"decoupled_decay", "0"}},
       {1},
       vector,
       {1},
       {{4}, {0}},
       {{0.5}, {0.5 - 4.0 / 3.0 / (std::sqrt(48.0 / 7.0) + 4.0)}},
       kRounding},
      // b = 3: 3/(3 + 1); b = 5: 4/(5 + 1), times 12
      {"adagrad", {{"learning_rate", "12"}, {"delta", "1"}}, {1}, vector, {0}, {{3}, {4}}, {{-9}, {-17}}},
      // b = 5: (3, 4)/(5 + 3); b = 13: (0, 12)/(13 + 3)
      {"adagrad-norm",
       {{"learning_rate", "8"}, {"delta", "3"}},
       {2},
       vector,
       {0, 0},
       {{3, 4}, {0, 12}},
       {{-3, -4}, {-3, -10}}},
      // r = 1: m = 0.5; c = -1 + 2 (-1 - 1) = -5, m = -2.25; c = 0.2 + 2 (0.2 + 1) = 2.6, m = 0.175 > 0, where the
      // plain
      // average would be -0.025
      {"mars-lion",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}, {"gamma", "2"}, {"clip_tensor_norm", "0"}},
       {1},
       vector,
       {1},
       {{1}, {-1}, {0.2}},
       {{0.75}, {1}, {0.75}}},
      // c = 4; c = 2 + 1 (2 - 4) = 0: as adamw above
      {"mars-adamw",
       {{"learning_rate", "1"},
        {"beta1", "0.5"},
        {"beta2", "0.75"},
        {"epsilon", "4"},
        {"gamma", "1"},
        {"decoupled_decay", "0"},
        {"clip_tensor_norm", "0"}},
       {1},
       vector,
       {1},
       {{4}, {2}},
       {{0.5}, {0.5 - 4.0 / 3.0 / (std::sqrt(48.0 / 7.0) + 4.0)}},
       kRounding},
      // 2 x 1 with radius 3: sqrt(2/1) 3 m/||m||; m = (1, 0), then (0.5, 0.5)
      {"scion",
       {{"learning_rate", "1"}, {"beta", "0.5"}, {"method", kExact}},
       {2, 1},
       matrix,
       {0, 0},
       {{2, 0}, {0, 1}},
       {{-3 * kRoot2, 0}, {-3 * kRoot2 - 3, -3}},
       kRounding},
      // vectors: sign, s = 1; x = 3/4 x - 1/4 sign(m): m = 1, then 0.5 - 1 < 0
      {"scion-constrained",
       {{"learning_rate", "0.25"}, {"beta", "0.5"}},
       {1},
       vector,
       {1},
       {{2}, {-2}},
       {{0.5}, {0.625}}},
      // step 1 sign at half the rate; step 2 msign: u = 0.5 m + 0.5 g = diag(1 + 1, -0.5 - 4)
      {"lionmuon",
       {{"learning_rate", "0.5"},
        {"beta1", "0.5"},
        {"beta2", "0.5"},
        {"sign_rate", "0.5"},
        {"method", kExact},
        {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {0, 0, 0, 0},
       {{4, 0, 0, -2}, {2, 0, 0, -8}},
       {{-0.25, 0, 0, 0.25}, {-0.75, 0, 0, 0.75}},
       kRounding},
      // L = diag(9, 16): 3/sqrt(9 + 16), 4/sqrt(16 + 16); L = diag(25, 16): 4/sqrt(25 + 16), 0
      {"asgo",
       {{"learning_rate", "1"},
        {"beta", "0"},
        {"beta2", "1"},
        {"damping", "absolute"},
        {"delta", "16"},
        {"shape_scale", "none"}},
       {2, 2},
       matrix,
       {0, 0, 0, 0},
       {{3, 0, 0, 4}, {4, 0, 0, 0}},
       {{-0.6, 0, 0, -4 / std::sqrt(32.0)}, {-0.6 - 4 / std::sqrt(41.0), 0, 0, -4 / std::sqrt(32.0)}},
       kRounding},
      // both sides are the same diagonal: two fourth roots make one square root
      {"shampoo",
       {{"learning_rate", "1"},
        {"beta", "0"},
        {"beta2", "1"},
        {"damping", "absolute"},
        {"delta", "16"},
        {"interval", "1"},
        {"graft", "none"}},
       {2, 2},
       matrix,
       {0, 0, 0, 0},
       {{3, 0, 0, 4}, {4, 0, 0, 0}},
       {{-0.6, 0, 0, -4 / std::sqrt(32.0)}, {-0.6 - 4 / std::sqrt(41.0), 0, 0, -4 / std::sqrt(32.0)}},
       kRounding},
  };
}

TEST(HandSteps, AreTakenByEveryOptimizer) {
  for (const HandSteps& hand : hand_steps()) {
    SCOPED_TRACE(hand.optimizer);
    OneTensor<double> tensor(hand.start, hand.start, hand.shape, hand.role);
    Optimizer<double> optimizer(make_optimizer(hand.optimizer, hand.options), {tensor.info});
    ASSERT_EQ(hand.gradients.size(), hand.values.size());
    for (std::size_t t = 0; t < hand.gradients.size(); ++t) {
      std::copy(hand.gradients[t].begin(), hand.gradients[t].end(), tensor.g.begin());
      optimizer.step(tensor.list);
      for (std::size_t i = 0; i < tensor.x.size(); ++i) {
        EXPECT_NEAR(tensor.x[i], hand.values[t][i], hand.tolerance) << "step " << t + 1 << " entry " << i;
      }
    }
  }
}

TEST(HandSteps, ExistForEveryOptimizerOfTheCatalog) {
  std::set<std::string> listed;
  for (const HandSteps& hand : hand_steps()) listed.insert(hand.optimizer);
  for (const auto& info : optimizer_catalog()) EXPECT_TRUE(listed.contains(info.name)) << info.name << " has none";
}

}  // namespace
}  // namespace normdescent
