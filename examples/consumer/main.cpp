// SPDX-License-Identifier: Apache-2.0
// Trains two numbers with SignSGD: f(x) = (x_0^2 + x_1^2) / 2, from (1, -0.5), with steps of 0.25.
#include <cstdio>
#include <normdescent/optimizers/catalog.hpp>
#include <normdescent/optimizers/optimizer.hpp>

int main() {
  normdescent::ParameterBuffer<float> buffer({{"x", {2}}});
  buffer.values()[0] = 1.0F;
  buffer.values()[1] = -0.5F;

  normdescent::Optimizer<float> optimizer(normdescent::signsgd({.learning_rate = 0.25}), {{"x", {2}}});
  for (int t = 0; t < 4; ++t) {
    for (std::size_t i = 0; i < 2; ++i) buffer.gradients()[i] = buffer.values()[i];
    (void)optimizer.step(buffer.parameters());
  }
  std::printf("x = (%g, %g)\n", buffer.values()[0], buffer.values()[1]);  // x = (0, 0): sign(0) is 0
}
