// SPDX-License-Identifier: Apache-2.0
#include "normdescent/training/training_run.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/training/accumulation.hpp"
#include "support/quadratic_problem.hpp"

namespace normdescent {
namespace {

using test::QuadraticObjective;

std::vector<float> values_of(const Objective& objective) {
  std::vector<float> values;
  for (const auto& p : objective.parameters()) values.insert(values.end(), p.value.begin(), p.value.end());
  return values;
}
Optimizer<float> optimizer_for(const Objective& objective, OptimizerSpec spec) {
  return {std::move(spec), {objective.parameters().front().info}};
}

class Recorder : public TrainingObserver {
 public:
  void on_step(const TrainingStep& step, Objective& objective) override {
    steps.push_back(step);
    gradients.push_back(objective.parameters().front().gradient[0]);
  }
  void on_evaluation(std::int64_t steps_done, double, Objective&) override { evaluations.push_back(steps_done); }
  void on_position(const TrainingPosition& position) override { positions.push_back(position); }
  std::vector<TrainingStep> steps;
  std::vector<float> gradients;
  std::vector<std::int64_t> evaluations;
  std::vector<TrainingPosition> positions;
};

/// Requests a stop after a number of steps.
class Stopper : public TrainingObserver {
 public:
  explicit Stopper(std::int64_t after) : after_(after) {}
  void on_step(const TrainingStep& step, Objective&) override {
    if (step.step == after_) source.request_stop();
  }
  std::stop_source source;

 private:
  std::int64_t after_;
};

TEST(TrainOnce, GradientDescentOnOneCoordinateIsExact) {
  // x <- x - eta f_t h x, h = 1, eta = 1/2, no warm-up, constant schedule: x_t = 2^-t exactly.
  QuadraticObjective objective({.curvature = {1.0}}, 1);
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 0.5}));
  TrainingPosition position;
  Recorder recorder;
  const auto report = train_once(objective, optimizer, 1,
                                 {.steps = 4, .warmup_fraction = 0.0, .decay = Decay::constant, .evaluate_every = 2},
                                 position, recorder);
  EXPECT_EQ(report.status, RunStatus::completed);
  EXPECT_EQ(report.steps_done, 4);
  EXPECT_EQ(report.first_loss, 0.5);
  EXPECT_EQ(report.final_loss, 0.5 * std::pow(0.25, 4));
  ASSERT_EQ(recorder.steps.size(), 4U);
  EXPECT_EQ(recorder.steps[1].train_loss, 0.125) << "the loss before the update";
  EXPECT_EQ(std::abs(recorder.gradients[1]), 0.5F) << "the gradient of the step is still there";
  EXPECT_EQ(recorder.evaluations, (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(recorder.positions.back().step, 4);
}

/// Says of all gradients that they are finite.
class Voucher : public TrainingObserver {
 public:
  bool on_gradients(const Objective& objective) override {
    gradients.push_back(objective.parameters().front().gradient[0]);
    values.push_back(objective.parameters().front().value[0]);
    return true;
  }
  std::vector<float> gradients, values;
};

TEST(TrainOnce, ShowsGradientsBeforeTheirUpdateAndBelievesThatTheyAreFinite) {
  QuadraticObjective objective({.curvature = {1.0}}, 1);
  const float start = values_of(objective).front();
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 0.5}));
  TrainingPosition position;
  Voucher voucher;
  const TrainingOptions options{.steps = 3, .warmup_fraction = 0.0, .decay = Decay::constant};
  EXPECT_EQ(train_once(objective, optimizer, 1, options, position, voucher).status, RunStatus::completed);
  EXPECT_EQ(voucher.values, (std::vector<float>{start, start / 2, start / 4}));
  EXPECT_EQ(voucher.gradients, voucher.values);

  class Broken : public QuadraticObjective {
   public:
    Broken() : QuadraticObjective({.curvature = {1.0}}, 1) {}
    double gradient(const Batch& batch) override {
      const double loss = QuadraticObjective::gradient(batch);
      parameters().front().gradient[0] = NAN;
      return loss;
    }
  };
  for (const bool is_vouched : {false, true}) {
    Broken broken;
    auto plain = optimizer_for(broken, sgd({.learning_rate = 0.5}));
    TrainingPosition begin;
    TrainingObserver nobody;
    train_once(broken, plain, 1, options, begin, is_vouched ? voucher : nobody);
    EXPECT_EQ(std::isnan(values_of(broken).front()), is_vouched) << "an update that is told so does not look";
  }
}

TEST(TrainOnce, ScheduleWarmsUpAndDecays) {
  QuadraticObjective objective({.curvature = {1.0}}, 1);
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 1e-3}));
  TrainingPosition position;
  Recorder recorder;
  const TrainingOptions options{.steps = 20, .warmup_fraction = 0.2, .decay = Decay::cosine};
  train_once(objective, optimizer, 1, options, position, recorder);
  for (std::int64_t t = 0; t < 20; ++t)
    EXPECT_EQ(recorder.steps[static_cast<std::size_t>(t)].rate_factor,
              (Schedule{.total_steps = 20, .warmup_steps = 4}.factor(t)));
  EXPECT_EQ(recorder.evaluations, (std::vector<std::int64_t>{20}));
}

TEST(TrainOnce, StopsAndContinuesBitEqually) {
  const test::QuadraticOptions problem{.curvature = {1.0, 3.0, 0.1}, .noise = {1.0, 0.1, 3.0}, .batch_size = 2};
  const TrainingOptions options{.steps = 30, .evaluate_every = 7, .divergence_factor = 100.0, .stream = 5};
  QuadraticObjective whole(problem, 3);
  auto whole_optimizer = optimizer_for(whole, adamw({.learning_rate = 0.05}));
  TrainingPosition whole_position;
  TrainingObserver nobody;
  const auto whole_report = train_once(whole, whole_optimizer, 2, options, whole_position, nobody);

  QuadraticObjective parts(problem, 3);
  auto optimizer = optimizer_for(parts, adamw({.learning_rate = 0.05}));
  TrainingPosition position;
  Stopper stopper(11);
  const auto first = train_once(parts, optimizer, 2, options, position, stopper, stopper.source.get_token());
  EXPECT_EQ(first.status, RunStatus::stopped);
  EXPECT_EQ(first.steps_done, 11);
  const auto second = train_once(parts, optimizer, 2, options, position, nobody);
  EXPECT_EQ(second.status, RunStatus::completed);
  EXPECT_EQ(values_of(parts), values_of(whole));
  EXPECT_EQ(second.final_loss, whole_report.final_loss);
  EXPECT_EQ(second.first_loss, whole_report.first_loss);
}

/// A first mini-batch that happens to fit.
class LuckyStart : public QuadraticObjective {
 public:
  LuckyStart() : QuadraticObjective({.curvature = {1.0}}, 1) {}
  double gradient(const Batch& batch) override {
    const double loss = QuadraticObjective::gradient(batch);
    return batch.first == 0 ? 1e-6 * loss : loss;
  }
};

TEST(TrainOnce, OneMiniBatchThatHappensToFitDoesNotMakeTheRestDiverge) {
  LuckyStart objective;
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 0.01}));
  TrainingPosition position;
  TrainingObserver nobody;
  const auto report = train_once(objective, optimizer, 1, {.steps = 20}, position, nobody);
  EXPECT_EQ(report.status, RunStatus::completed) << report.reason;
  EXPECT_EQ(report.first_loss, 0.5);
}

TEST(TrainOnce, GivesAnOptimizerTheClosureThatItNeeds) {
  // Reference twin: the loop written out, with gradients at two points of one mini-batch.
  const test::QuadraticOptions problem{.curvature = {1.0, 3.0, 0.1}, .noise = {1.0, 0.1, 3.0}, .batch_size = 2};
  const TrainingOptions options{
      .steps = 12, .warmup_fraction = 0.0, .decay = Decay::constant, .divergence_factor = 100};
  for (const auto kind : {CorrectionKind::variance_reduction, CorrectionKind::extrapolation}) {
    const auto spec = signum({.learning_rate = 0.125, .beta = 0.5, .average = {.correction = kind}});
    QuadraticObjective objective(problem, 3);
    auto optimizer = optimizer_for(objective, spec);
    TrainingPosition position;
    TrainingObserver nobody;
    EXPECT_EQ(train_once(objective, optimizer, 2, options, position, nobody).status, RunStatus::completed);

    QuadraticObjective twin(problem, 3);
    auto twin_optimizer = optimizer_for(twin, spec);
    for (std::uint64_t t = 0; t < 12; ++t) {
      twin_optimizer.step(twin.parameters(), [&] { twin.gradient(Batch::number(options.stream, t, 2)); });
    }
    EXPECT_EQ(values_of(objective), values_of(twin));
  }
}

TEST(TrainOnce, NonFiniteLossEndsTheRun) {
  QuadraticObjective objective({.curvature = {1.0}, .cliff = 1.5}, 1);
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 10.0}));
  TrainingPosition position;
  TrainingObserver nobody;
  const auto report = train_once(objective, optimizer, 1, {.steps = 50, .warmup_fraction = 0.0}, position, nobody);
  EXPECT_EQ(report.status, RunStatus::diverged);
  EXPECT_EQ(report.steps_done, 1);
  EXPECT_TRUE(std::isinf(report.final_loss));
  EXPECT_NE(report.reason.find("not finite at step 1"), std::string::npos) << report.reason;
}

/// A finite loss with a gradient that is not.
class BrokenGradient : public QuadraticObjective {
 public:
  BrokenGradient() : QuadraticObjective({.curvature = {1.0}}, 1) {}
  double gradient(const Batch& batch) override {
    const double loss = QuadraticObjective::gradient(batch);
    if (batch.first == 3) parameters().front().gradient[0] = std::nanf("");
    return loss;
  }
};

TEST(TrainOnce, NonFiniteGradientEndsTheRunAndNamesTheTensor) {
  BrokenGradient objective;
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 0.1}));
  TrainingPosition position;
  TrainingObserver nobody;
  const auto report = train_once(objective, optimizer, 1, {.steps = 50}, position, nobody);
  EXPECT_EQ(report.status, RunStatus::diverged);
  EXPECT_EQ(report.steps_done, 3);
  EXPECT_EQ(report.reason, "the gradient of x is not finite at step 3");
}

TEST(TrainOnce, LossThatStaysFarAboveItsStartEndsTheRun) {
  // x <- x (1 - 2.5): the loss grows by 2.25 a step, above 3x from step 2 on; it may stay there for
  // kDivergencePatience.
  QuadraticObjective objective({.curvature = {1.0}}, 1);
  auto optimizer = optimizer_for(objective, sgd({.learning_rate = 2.5}));
  TrainingPosition position;
  TrainingObserver nobody;
  const auto report = train_once(objective, optimizer, 1,
                                 {.steps = 50, .warmup_fraction = 0.0, .decay = Decay::constant}, position, nobody);
  EXPECT_EQ(report.status, RunStatus::diverged);
  EXPECT_EQ(report.steps_done, 2 + kDivergencePatience - 1);
}

/// Loss 1, but 100 on every third mini-batch; the validation loss is 1 and after the first one what it is told.
class Spiky : public QuadraticObjective {
 public:
  explicit Spiky(double validation) : QuadraticObjective({.curvature = {1.0}}, 1), later_(validation) {}
  double gradient(const Batch& batch) override {
    QuadraticObjective::gradient(batch);
    return batch.first % 3 == 2 ? 100.0 : 1.0;
  }
  double validation_loss() override { return std::exchange(next_, later_); }

 private:
  double next_ = 1.0;
  double later_;
};

TEST(TrainOnce, SpikesAreNoDivergenceButABadEndIs) {
  for (const auto& [validation, status] : {std::pair(1.0, RunStatus::completed), std::pair(3.1, RunStatus::diverged)}) {
    Spiky objective(validation);
    auto optimizer = optimizer_for(objective, sgd({.learning_rate = 0.1}));
    TrainingPosition position;
    TrainingObserver nobody;
    EXPECT_EQ(train_once(objective, optimizer, 1, {.steps = 20}, position, nobody).status, status);
  }
}

/// Keeps its values rounded, too, and when it is told that they are those of the values looks whether it is true.
class Rounding : public QuadraticObjective {
 public:
  Rounding() : QuadraticObjective({.curvature = {1.0, 3.0, 5.0}, .noise = {0.1, 0.1, 0.1}}, 1), rounded_(3) {}

  [[nodiscard]] std::span<Bfloat16* const> rounded_values() override { return pointers_; }
  void trust_rounded_values() override { is_trusted_ = true; }
  double gradient(const Batch& batch) override {
    look();
    return QuadraticObjective::gradient(batch);
  }
  double validation_loss() override {
    look();
    return QuadraticObjective::validation_loss();
  }
  int times_trusted = 0;
  int calls = 0;

 private:
  void look() {
    ++calls;
    const auto& value = parameters().front().value;
    const bool is_trusted = std::exchange(is_trusted_, false);
    times_trusted += is_trusted ? 1 : 0;
    for (std::size_t i = 0; i < rounded_.size(); ++i) {
      if (is_trusted) {
        EXPECT_EQ(rounded_[i], to_bfloat16(value[i])) << "call " << calls;
      }
      rounded_[i] = to_bfloat16(value[i]);
    }
  }

  std::vector<Bfloat16> rounded_;
  std::vector<Bfloat16*> pointers_{rounded_.data()};
  bool is_trusted_ = false;
};

TEST(TrainOnce, RoundedValuesAreTrustedOnceAStepHasWrittenThem) {
  const TrainingOptions options{.steps = 6, .evaluate_every = 2};
  for (const auto& spec : {signum({}), muon({}), signum({.average = {.correction = CorrectionKind::extrapolation}})}) {
    Rounding objective;
    auto optimizer = optimizer_for(objective, spec);
    TrainingPosition position;
    TrainingObserver nobody;
    EXPECT_EQ(train_once(objective, optimizer, 1, options, position, nobody).status, RunStatus::completed);
    // All but the validation and the gradient before the first step; none where the optimizer moves values about.
    EXPECT_EQ(objective.times_trusted, optimizer.needs_closure() ? 0 : objective.calls - 2) << spec.name;
    EXPECT_GE(objective.calls, 10);
  }
}

TEST(TrainingOptions, DefaultsAreValidAndEveryConstraintIsChecked) {
  EXPECT_NO_THROW(TrainingOptions{}.validate());
  EXPECT_THROW(TrainingOptions{.steps = 0}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainingOptions{.warmup_fraction = -0.1}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainingOptions{.warmup_fraction = 1.1}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainingOptions{.evaluate_every = -1}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainingOptions{.divergence_factor = 1.0}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainingOptions{.divergence_factor = std::nan("")}.validate(), std::invalid_argument);
}

/// Notes the steps that its batches are for, and keeps something beside its parameters.
class Keeper : public test::QuadraticObjective {
 public:
  Keeper() : QuadraticObjective({.curvature = {1.0, 1.0}}, 1) {}
  double gradient(const Batch& batch) override {
    steps.push_back(batch.step);
    ++calls_;
    return QuadraticObjective::gradient(batch);
  }
  [[nodiscard]] std::string save() const override { return std::to_string(calls_); }
  void restore(const std::string& saved) override { calls_ = std::stoi(saved); }
  std::vector<std::uint64_t> steps;

 private:
  int calls_ = 0;
};

TEST(TrainOnce, BatchesCarryTheirStepAlsoThroughAccumulation) {
  auto inner = std::make_unique<Keeper>();
  Keeper& keeper = *inner;
  const auto objective = accumulate(std::move(inner), 2);
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective->parameters()) infos.push_back(parameter.info);
  Optimizer<float> optimizer(sgd({.learning_rate = 0.1}), std::move(infos));
  TrainingPosition position;
  TrainingObserver nobody;
  (void)train_once(*objective, optimizer, 4, {.steps = 3}, position, nobody);
  EXPECT_EQ(keeper.steps, (std::vector<std::uint64_t>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(objective->save(), "6");
  objective->restore("2");
  EXPECT_EQ(keeper.save(), "2");
}

TEST(TrainOnce, AnObjectiveWithNothingBesideItsParametersSavesNothing) {
  test::QuadraticObjective plain({.curvature = {1.0}}, 1);
  EXPECT_EQ(plain.save(), "");
  EXPECT_NO_THROW(plain.restore(""));
  EXPECT_THROW(plain.restore("7"), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
