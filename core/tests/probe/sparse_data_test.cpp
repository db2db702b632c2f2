// SPDX-License-Identifier: Apache-2.0
// Logistic regression on sparse rows: most entries of a gradient are exactly 0 in most micro-batches, and all of them
// are bounded. Nothing may read "infinite variance".
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/monitor/training_monitor.hpp"
#include "normdescent/probe/probe.hpp"
#include "probe/samples.hpp"

namespace normdescent {
namespace {

constexpr std::size_t kFeatures = 2000;
constexpr std::size_t kActive = 10;  // features of a row that are 1

/// Row e of a stream: kActive binary features, all alike (`zipf` = false) or by Zipf's law, and a label that two of the
/// features decide.
class SparseLogistic final : public Objective {
 public:
  explicit SparseLogistic(bool zipf) : zipf_(zipf), buffer_(testing::vectors({static_cast<Index>(kFeatures)})) {}
  [[nodiscard]] std::span<const Parameter> parameters() const override { return buffer_.parameters(); }
  double gradient(const Batch& batch) override {
    for (float& g : buffer_.gradients()) g = 0.0F;
    return visit(batch, [&](std::size_t feature, double slope) {
      buffer_.gradients()[feature] += static_cast<float>(slope / batch.count);
    });
  }
  double loss(const Batch& batch) override {
    return visit(batch, [](std::size_t, double) {});
  }
  double validation_loss() override { return loss({7, 0, 64}); }

 private:
  template <class Add>
  double visit(const Batch& batch, Add add) {
    double loss = 0.0;
    for (std::uint64_t e = batch.first; e < batch.first + batch.count; ++e) {
      Philox random(batch.stream, e);
      std::vector<std::size_t> row;
      for (std::size_t k = 0; k < kActive; ++k) {
        const double u = random.uniform();
        row.push_back(static_cast<std::size_t>((zipf_ ? std::pow(kFeatures, u) - 1.0 : u * kFeatures)));
      }
      const double label = row[0] % 2 == 0 ? 1.0 : -1.0;
      double score = 0.0;
      for (const std::size_t feature : row) score += static_cast<double>(buffer_.values()[feature]);
      loss += std::log1p(std::exp(-label * score)) / batch.count;
      for (const std::size_t feature : row) add(feature, -label / (1.0 + std::exp(label * score)));
    }
    return loss;
  }

  bool zipf_;
  ParameterBuffer<float> buffer_;
};

TEST(SparseData, AProbeOfBoundedGradientsDoesNotSayInfiniteVariance) {
  for (const bool zipf : {false, true}) {
    SparseLogistic objective(zipf);
    for (const std::uint32_t batch : {4U, 64U}) {
      const ProbeReport report = probe(objective, batch, {.pilot_steps = 0});
      ASSERT_EQ(report.status, ProbeStatus::completed);
      EXPECT_NE(report.tail.verdict(), TailVerdict::heavy) << report.tail.explanation();
      EXPECT_NE(report.tail_of_projections.verdict(), TailVerdict::heavy) << report.tail_of_projections.explanation();
      EXPECT_NE(report.tails.verdict, TailVerdict::heavy) << report.tails.sentence;
      EXPECT_EQ(report.tails.sentence.find("infinite variance ("), std::string::npos) << report.tails.sentence;
      EXPECT_EQ(report.tail.moment_order(), 2.0);
      if (report.tail.series > 0) continue;
      bool is_said = false;
      for (const NotMeasured& each : report.not_measured) is_said = is_said || each.quantity == "tail index";
      EXPECT_TRUE(is_said);
    }
  }
}

// Gaussian noise that hits one entry in twenty: every moment is finite.
TEST(SparseData, AMonitorOfSparseGaussianNoiseDoesNotSayInfiniteVariance) {
  for (const double share : {0.05, 0.3, 1.0}) {
    ParameterBuffer<float> buffer({{"w", {40, 50}, Role::matrix}});
    TrainingMonitor monitor(buffer.parameters());
    Philox random(1);
    for (int step = 0; step < 16; ++step) {
      for (int k = 0; k < 4; ++k) {
        for (float& g : buffer.gradients())
          g = random.uniform() < share ? static_cast<float>(0.25 * random.normal()) : 0.0F;
        monitor.observe_micro_batch(buffer.parameters(), ObservedGradient::micro_batch, 0.25);
      }
      monitor.end_step();
    }
    const TailComparison tails = monitor.report().tails;
    EXPECT_EQ(tails.verdict, share < 0.1 ? TailVerdict::not_measured : TailVerdict::finite_variance) << tails.sentence;
    EXPECT_EQ(tails.sentence.find("infinite variance"), std::string::npos) << tails.sentence;
  }
}

}  // namespace
}  // namespace normdescent
