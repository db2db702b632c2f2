// SPDX-License-Identifier: Apache-2.0
// Every optimizer of the catalog takes the two steps that were computed by hand (conformance_table.hpp).
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "normdescent/optimizers/catalog.hpp"
#include "optimizers/conformance_table.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

using conformance::hand_steps;
using conformance::HandSteps;

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
