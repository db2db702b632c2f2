// SPDX-License-Identifier: Apache-2.0
// Short races with known winners.
#pragma once

#include <gtest/gtest.h>

#include <stop_token>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/race/race.hpp"
#include "support/quadratic_problem.hpp"

namespace normdescent::test {

/// Isotropic and without noise: gradient descent with rate 1/L lands on the optimum, every method with steps of fixed
/// length overshoots it.
inline QuadraticProblem isotropic() { return QuadraticProblem({.curvature = std::vector<double>(20, 2.0)}); }

/// Noise on every 25th coordinate only (density 1/25): it sets SGD's rate for all coordinates, SignSGD's for few.
inline constexpr double kSparseDensity = 1.0 / 25.0;
inline QuadraticProblem sparse_noise() {
  std::vector<double> noise(400, 0.0);
  for (std::size_t i = 0; i < noise.size(); i += 25) noise[i] = 10.0;
  return QuadraticProblem({.curvature = std::vector<double>(400, 1.0), .noise = noise});
}

inline std::vector<Contestant> sgd_and_signsgd(double sgd_rate, double sign_rate) {
  return {{"sgd", sgd({.learning_rate = sgd_rate})}, {"signsgd", signsgd({.learning_rate = sign_rate})}};
}

inline RaceOptions short_race() {
  return {.steps = 60, .max_rates = 15, .evaluate_every = 5, .divergence_factor = 1e6, .noise_points = 0};
}

/// Keeps everything that it is told, and can stop the race.
class Witness : public RaceObserver {
 public:
  explicit Witness(int stop_after = -1) : stop_after_(stop_after) {}
  void on_progress(int done, int planned) override {
    EXPECT_LE(done, planned);
    last_done = done;
    last_planned = planned;
  }
  void on_run_finished(const RunRecord& run) override {
    runs.push_back(run);
    if (static_cast<int>(runs.size()) == stop_after_) source.request_stop();
  }
  std::vector<RunRecord> runs;
  std::stop_source source;
  int last_done = 0;
  int last_planned = 0;

 private:
  int stop_after_;
};

inline RaceResult run(const Problem& problem, const std::vector<Contestant>& contestants, const RaceOptions& options) {
  RaceObserver nobody;
  return race(problem, contestants, options, nobody);
}

inline void expect_equal_curves(const RunRecord& a, const RunRecord& b) {
  EXPECT_EQ(a.contestant, b.contestant);
  EXPECT_EQ(a.learning_rate, b.learning_rate);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.final_loss, b.final_loss);
  ASSERT_EQ(a.curve.size(), b.curve.size());
  for (std::size_t i = 0; i < a.curve.size(); ++i) {
    EXPECT_EQ(a.curve[i].step, b.curve[i].step);
    EXPECT_EQ(a.curve[i].train_loss, b.curve[i].train_loss);
    EXPECT_EQ(a.curve[i].noise_density, b.curve[i].noise_density);
  }
}

}  // namespace normdescent::test
