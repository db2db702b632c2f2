// SPDX-License-Identifier: Apache-2.0
#include "normdescent/zoo/classify.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"

namespace normdescent {
namespace {

/// Two classes by the sign of x - 1000, whose scale and mean differ from those of z.
std::shared_ptr<const Table> two_classes(int rows) {
  std::string text = "x,z,y\n";
  Philox random(1);
  for (int i = 0; i < rows; ++i) {
    const double x = random.normal();
    text +=
        std::to_string(1000.0 + 5.0 * x) + "," + std::to_string(1e-3 * random.normal()) + (x > 0 ? ",up\n" : ",down\n");
  }
  return std::make_shared<const Table>(parse_csv(text, "t.csv", {.label = "y"}));
}

class ClassifyTest : public testing::Test {
 protected:
  void SetUp() override { omp_set_num_threads(1); }
};

/// Plain gradient descent with rate 1 works for every unit of measurement only where columns are standardized.
TEST_F(ClassifyTest, LearnsASeparableTableWhateverItsUnits) {
  for (const char* model : {"linear", "mlp"}) {
    const auto problem = make_classification(two_classes(400), {.model = model});
    const auto objective = problem->instantiate(1);
    const double before = objective->validation_loss();
    EXPECT_NEAR(before, std::log(2.0), 0.5) << model;
    for (std::uint64_t step = 0; step < 100; ++step) {
      (void)objective->gradient(Batch::number(1, step, problem->batch_size()));
      for (const Parameter& p : objective->parameters()) {
        for (std::size_t i = 0; i < p.value.size(); ++i) p.value[i] -= p.gradient[i];
      }
    }
    EXPECT_LT(objective->validation_loss(), 0.2 * before) << model;
  }
}

TEST_F(ClassifyTest, SparseTablesKeepTheirZeros) {
  const auto table = std::make_shared<const Table>(parse_libsvm("1 1:2\n2 5:3\n1 1:2\n2 5:3\n", "t.svm"));
  const auto problem = make_classification(table, {.model = "linear", .batch_size = 64});
  const auto objective = problem->instantiate(1);
  for (const Parameter& p : objective->parameters()) std::fill(p.value.begin(), p.value.end(), 0.0F);
  EXPECT_NEAR(objective->gradient({1, 0, 64}), std::log(2.0), 1e-6);
  // With all values 0 the gradient of class c and column j is -(share of c) x_j (1/2): opposite for the two classes.
  const auto weight = objective->parameters()[0].gradient;
  ASSERT_EQ(weight.size(), 4U);
  EXPECT_LT(weight[0], 0.0F);
  EXPECT_GT(weight[1], 0.0F);
  EXPECT_NEAR(weight[0], -weight[2], 1e-6F);
  EXPECT_NEAR(weight[1], -weight[3], 1e-6F);
}

TEST_F(ClassifyTest, RefusesOptionsOutsideTheirDomain) {
  EXPECT_THROW((void)make_classification(two_classes(20), {.model = "tree"}), std::invalid_argument);
  EXPECT_THROW((void)make_classification(two_classes(20), {.hidden = 0}), std::invalid_argument);
  EXPECT_THROW((void)make_classification(two_classes(20), {.batch_size = 0}), std::invalid_argument);
}

TEST_F(ClassifyTest, RefusesTrainingRowsOfOneClass) {
  // Two rows: one is held out.
  const auto table = std::make_shared<const Table>(parse_csv("x,y\n1,a\n2,b\n", "t.csv", {.label = "y"}));
  EXPECT_THROW((void)make_classification(table, {}), UserError);
}

TEST_F(ClassifyTest, RefusesBatchesThatDoNotFitIntoMemory) {
  std::string text = "1 1:1\n2";
  for (int i = 1; i < 70000; ++i) text += " " + std::to_string(i) + ":1";
  text += "\n1 2:1\n2 3:1\n1 2:1\n2 3:1\n";
  const auto table = std::make_shared<const Table>(parse_libsvm(text, "t.svm"));
  EXPECT_THROW((void)make_classification(table, {.model = "linear", .batch_size = 1024}), UserError);
}

}  // namespace
}  // namespace normdescent
