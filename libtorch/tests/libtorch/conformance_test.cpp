// SPDX-License-Identifier: Apache-2.0
// The bfloat16 column of the conformance table (tests/optimizers/conformance_table.hpp): parameters and gradients are
// bfloat16 tensors, the adapter keeps a float32 master of each.
#include "optimizers/conformance_table.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>

#include "normdescent/libtorch/tensor_optimizer.hpp"
#include "optimizers/tensors.hpp"

namespace normdescent {
namespace {

using conformance::for_each_cell;
using conformance::kProblems;
using conformance::Row;

class Course {
 public:
  Course(const Row& row, std::size_t problem, double rate_factor = 1.0)
      : problem_(kProblems[problem]), spec_(row.spec(problem).with_learning_rate_scaled(rate_factor)) {
    for (const ParameterInfo& info : small_model()) {
      parameters_.push_back({info, at::empty(info.shape, at::kBFloat16).set_requires_grad(true)});
      x_.resize(x_.size() + static_cast<std::size_t>(info.size()));
    }
    g_.resize(x_.size());
    problem_.start(x_);
    const at::NoGradGuard no_grad;
    auto entry = x_.begin();
    for (auto& p : parameters_) {
      p.tensor.copy_(at::from_blob(&*entry, p.tensor.sizes(), at::kDouble));
      entry += p.tensor.numel();
    }
    start_value_ = problem_.value(x_);
    optimizer_.add_group(spec_, parameters_);
  }

  void advance(int first, int last) {
    for (int t = first; t < last; ++t) {
      const auto compute_gradients = [&] {
        read();
        problem_.gradient(x_, static_cast<std::uint64_t>(t), g_);
        auto entry = g_.begin();
        for (auto& p : parameters_) {
          p.tensor.mutable_grad() = at::from_blob(&*entry, p.tensor.sizes(), at::kDouble).to(at::kBFloat16);
          entry += p.tensor.numel();
        }
      };
      const std::array<double, 1> scales{conformance::cosine_schedule(t, conformance::kSteps)};
      optimizer_.step(scales, compute_gradients);
    }
  }
  /// Goes on with a new optimizer that knows nothing but the saved state.
  void save_and_load() {
    TensorOptimizer next;
    next.add_group(spec_, parameters_);
    next.load_state(optimizer_.state());
    optimizer_ = std::move(next);
  }

  [[nodiscard]] double progress() {
    read();
    return problem_.value(x_) / start_value_;
  }
  [[nodiscard]] const std::vector<double>& values() {
    read();
    return x_;
  }
  [[nodiscard]] StateDict state() const { return optimizer_.state(); }

 private:
  void read() {
    const at::NoGradGuard no_grad;
    auto entry = x_.begin();
    for (auto& p : parameters_) {
      at::from_blob(&*entry, p.tensor.sizes(), at::kDouble).copy_(p.tensor);
      entry += p.tensor.numel();
    }
  }

  conformance::Problem problem_;
  OptimizerSpec spec_;
  std::vector<ModuleParameter> parameters_;
  TensorOptimizer optimizer_;
  std::vector<double> x_;
  std::vector<double> g_;
  double start_value_ = 0.0;
};

TEST(ConformanceOfBfloat16, MakesItsProgressOnEveryProblem) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course course(row, problem);
    course.advance(0, conformance::kSteps);
    EXPECT_LE(course.progress(), row.progress[problem]);
  });
}

TEST(ConformanceOfBfloat16, ContinuesFromItsSavedStateWithTheSameBits) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course whole(row, problem);
    Course halves(row, problem);
    whole.advance(0, 25);
    halves.advance(0, 7);  // no multiple of any period
    halves.save_and_load();
    halves.advance(7, 25);
    EXPECT_EQ(whole.values(), halves.values());
    EXPECT_EQ(whole.state(), halves.state());
  });
}

TEST(ConformanceOfBfloat16, RunsTwiceWithTheSameBits) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course a(row, problem);
    Course b(row, problem);
    a.advance(0, 25);
    b.advance(0, 25);
    EXPECT_EQ(a.values(), b.values());
    EXPECT_EQ(a.state(), b.state());
  });
}

}  // namespace
}  // namespace normdescent
