// SPDX-License-Identifier: Apache-2.0
// A quadratic on small_model() in which every coordinate depends on every other, and a run on it with a closure.
#pragma once

#include <utility>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {

inline OptimizerSpec uniform(Recipe recipe) {
  recipe.name = "test";
  return {.name = "test", .routes = {}, .fallback = std::move(recipe)};
}

// f(x) = 1/2 x' H x with H = diag(h) + c 1 1', so that coordinates, also of different tensors, belong together.
struct Quadratic {
  double coupling = 0.25;
  double noise = 0.0;

  template <class T>
  void gradient(std::span<const T> x, std::span<T> g, std::uint64_t batch) const {
    double sum = 0.0;
    for (const T value : x) sum += static_cast<double>(value);
    Philox random(77, batch);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double h = 0.5 + 0.25 * static_cast<double>(i % 5);
      g[i] = static_cast<T>(h * static_cast<double>(x[i]) + coupling * sum + noise * random.normal());
    }
  }
};

struct Trained {
  ParameterBuffer<double> buffer{small_model()};
  Optimizer<double> optimizer;
  Quadratic problem;

  explicit Trained(const OptimizerSpec& spec, Quadratic problem_ = {})
      : optimizer(spec, small_model()), problem(problem_) {
    fill_normal(buffer.values(), 3, 1);
  }
  void run(std::uint64_t first, std::uint64_t last, double scale = 1.0) {
    for (std::uint64_t t = first; t < last; ++t) {
      optimizer.step(
          buffer.parameters(), [&] { compute(t); }, scale);
    }
  }
  void compute(std::uint64_t batch) { problem.gradient<double>(buffer.values(), buffer.gradients(), batch); }
  // The whole momentum, in the order of the values.
  [[nodiscard]] std::vector<double> momentum() const {
    const auto state = optimizer.state();
    std::vector<double> all;
    for (const auto& info : small_model()) {
      const auto& bytes = state.tensors.at(info.name + "/momentum").bytes;
      const auto* first = reinterpret_cast<const double*>(bytes.data());
      all.insert(all.end(), first, first + info.size());
    }
    return all;
  }
};

}  // namespace normdescent
