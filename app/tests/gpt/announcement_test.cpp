// SPDX-License-Identifier: Apache-2.0
// What the backward pass says of itself: Objective::set_gradient_listener.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "normdescent/gpt/objective.hpp"

namespace normdescent {
namespace {

constexpr GptShape kShape = {.layers = 3, .width = 32, .heads = 2, .context = 8, .vocabulary = 64};

std::unique_ptr<Objective> tiny_gpt() {
  const auto windows = [](const Batch& batch, std::span<std::int64_t> tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = static_cast<std::int64_t>((batch.first + 7 * i * i) % static_cast<std::uint64_t>(kShape.vocabulary));
  };
  const auto validation = std::make_shared<const std::vector<std::int64_t>>(9, 1);
  return make_gpt_objective(kShape, Precision::float32,
                            {.context = 8, .training_windows = windows, .validation_windows = validation, .chunk = 1},
                            1);
}

TEST(Announcements, LayersComeOnceEachAndTheirGradientsAreFinal) {
  const auto gpt = tiny_gpt();
  const auto parameters = gpt->parameters();
  std::vector<std::vector<float>> announced(parameters.size());
  std::vector<std::size_t> order;
  gpt->set_gradient_listener([&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      EXPECT_TRUE(announced[i].empty()) << parameters[i].info.name << " comes twice";
      announced[i].assign(parameters[i].gradient.begin(), parameters[i].gradient.end());
    }
    order.push_back(first);
  });
  (void)gpt->gradient({1, 5, 2});
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kShape.layers)) << "most of the work overlaps with what follows";
  EXPECT_TRUE(std::ranges::is_sorted(order, std::greater{})) << "the last layer is done first";
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& name = parameters[i].info.name;
    EXPECT_EQ(announced[i].empty(), name.find("h.") == std::string::npos) << name;
    if (announced[i].empty()) continue;
    EXPECT_EQ(announced[i], std::vector<float>(parameters[i].gradient.begin(), parameters[i].gradient.end())) << name;
  }
}

}  // namespace
}  // namespace normdescent
