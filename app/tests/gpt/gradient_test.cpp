// SPDX-License-Identifier: Apache-2.0
// Every gradient of the kernel against differences of the reference forward pass in float64: no other library is asked.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "normdescent/gpt/objective.hpp"
#include "normdescent/io/safetensors.hpp"
#include "reference_forward.hpp"
#include "sample_weights.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

constexpr Index kContext = 8;
// A token twice in a row and in both windows, as input and as target; most of the vocabulary and half of the positions
// are not there at all.
const std::vector<std::vector<std::int64_t>> kWindows{{3, 1, 22, 7, 7, 0, 15, 4, 9}, {7, 3, 3, 5, 22, 1, 1, 0, 7}};

StateDict widened(const StateDict& file) {
  StateDict wide = file;
  for (auto& [name, tensor] : wide.tensors) {
    std::vector<std::byte> bytes(2 * tensor.bytes.size());
    for (std::size_t i = 0; i < tensor.bytes.size() / sizeof(float); ++i) {
      float value = 0.0F;
      std::memcpy(&value, tensor.bytes.data() + sizeof value * i, sizeof value);
      const double exact{value};
      std::memcpy(bytes.data() + sizeof exact * i, &exact, sizeof exact);
    }
    tensor = {.dtype = "F64", .shape = tensor.shape, .bytes = bytes};
  }
  return wide;
}

double reference_loss(const StateDict& file, const GptShape& shape) {
  double loss = 0.0;
  for (const auto& window : kWindows) {
    const auto logits = test::ReferenceForward(file, shape).logits({window.begin(), window.end() - 1});
    for (std::size_t t = 0; t < logits.size(); ++t) {
      double total = 0.0;
      for (const double logit : logits[t]) total += std::exp(logit);
      loss += std::log(total) - logits[t][static_cast<std::size_t>(window[t + 1])];
    }
  }
  return loss / static_cast<double>(kWindows.size() * kContext);
}

/// By differences of fourth order: with steps of 1/128 they err by about 1e-8.
double reference_slope(StateDict& file, const GptShape& shape, const std::string& tensor, std::size_t i) {
  constexpr double kStep = 1.0 / 128.0;
  std::byte* const place = file.tensors.at(tensor).bytes.data() + sizeof(double) * i;
  double value = 0.0;
  std::memcpy(&value, place, sizeof value);
  const auto at = [&](double steps) {
    const double moved = value + steps * kStep;
    std::memcpy(place, &moved, sizeof moved);
    return reference_loss(file, shape);
  };
  const double slope = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * kStep);
  std::memcpy(place, &value, sizeof value);
  return slope;
}

TEST(GptGradient, OfEveryTensorIsThatOfTheReference) {
  const GptWeights weights = test::sample_weights();
  const test::TemporaryFolder folder;
  write_hugging_face(folder.path(), weights);
  StateDict file = widened(read_safetensors(folder / kWeightsFile));

  GptData data{.context = kContext,
               .training_windows =
                   [](const Batch& batch, std::span<std::int64_t> out) {
                     for (std::uint32_t b = 0; b < batch.count; ++b)
                       std::ranges::copy(kWindows[b], out.begin() + b * (kContext + 1));
                   },
               .validation_windows = std::make_shared<const std::vector<std::int64_t>>(kWindows[0])};
  const auto objective = make_gpt_objective(weights.shape, Precision::float32, std::move(data), 1);
  std::size_t offset = 0;
  for (const auto& p : objective->parameters()) {
    std::copy_n(weights.values.begin() + static_cast<std::ptrdiff_t>(offset), p.value.size(), p.value.begin());
    offset += p.value.size();
  }
  EXPECT_NEAR(objective->gradient({1, 0, 2}), reference_loss(file, weights.shape), 1e-5);

  for (const auto& p : objective->parameters()) {
    const std::size_t cols = static_cast<std::size_t>(p.info.cols());
    const std::size_t rows = p.value.size() / cols;
    double largest = 0.0;
    // All of the embeddings and vectors, every seventh entry of the matrices.
    for (std::size_t i = 0; i < p.value.size(); i += p.info.role == Role::matrix ? 7 : 1) {
      // Conv1D stores the transpose.
      const std::size_t theirs = p.info.role == Role::matrix ? (i % cols) * rows + i / cols : i;
      const double slope = reference_slope(file, weights.shape, "transformer." + p.info.name, theirs);
      ASSERT_NEAR(static_cast<double>(p.gradient[i]), slope, 2e-6) << p.info.name << " entry " << i;
      largest = std::max(largest, std::abs(slope));
    }
    EXPECT_GT(largest, 1e-3) << p.info.name << ": a test of nothing";
    if (p.info.name == "wpe.weight") {
      for (std::size_t i = static_cast<std::size_t>(kContext) * cols; i < p.gradient.size(); ++i)
        ASSERT_EQ(p.gradient[i], 0.0F) << "a position behind the window";
    }
  }
}

TEST(GptGradient, AnUntiedEmbeddingMovesForTheTokensThatWereReadAlone) {
  const GptWeights weights = test::sample_weights(/*tied=*/false);
  GptData data{.context = kContext,
               .training_windows = [](const Batch&,
                                      std::span<std::int64_t> out) { std::ranges::copy(kWindows[0], out.begin()); },
               .validation_windows = std::make_shared<const std::vector<std::int64_t>>(kWindows[0])};
  const auto objective = make_gpt_objective(weights.shape, Precision::float32, std::move(data), 1);
  for (int call = 0; call < 2; ++call) {  // overwritten, not added to
    (void)objective->gradient({1, 0, 1});
    const auto parameters = objective->parameters();
    const auto embedding = std::ranges::find_if(parameters, [](const auto& p) { return p.info.name == "wte.weight"; });
    ASSERT_NE(embedding, parameters.end());
    const std::set<std::int64_t> read(kWindows[0].begin(), kWindows[0].end() - 1);
    const auto width = static_cast<std::size_t>(weights.shape.width);
    for (std::int64_t token = 0; token < weights.shape.vocabulary; ++token) {
      const auto row = embedding->gradient.subspan(static_cast<std::size_t>(token) * width, width);
      const bool moves = std::ranges::any_of(row, [](float g) { return g != 0.0F; });
      EXPECT_EQ(moves, read.contains(token)) << token;
    }
  }
}

}  // namespace
}  // namespace normdescent
