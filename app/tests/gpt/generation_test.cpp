// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/sampling.hpp"
#include "normdescent/io/safetensors.hpp"
#include "reference_forward.hpp"
#include "sample_weights.hpp"
#include "support/temporary_folder.hpp"

#include <omp.h>

namespace normdescent {
namespace {

const std::vector<std::int64_t> kText{3, 1, 22, 7, 7, 0, 15, 4, 9, 11, 2, 5, 20, 21, 8, 6};

TEST(GptDecoder, LogitsAreThoseOfTransformersFormulasOnTheExportedFile) {
  const test::TemporaryFolder folder;
  write_hugging_face(folder.path(), test::sample_weights());
  const StateDict file = read_safetensors(folder / kWeightsFile);
  GptDecoder decoder(read_hugging_face(folder.path()));
  const auto expected = test::ReferenceForward(file, decoder.shape()).logits(kText);
  for (std::size_t t = 0; t < kText.size(); ++t) {
    const auto logits = decoder.read(kText[t]);
    // Logits of size up to ten, rounded to float a few times on the way.
    for (std::size_t i = 0; i < logits.size(); ++i)
      EXPECT_NEAR(static_cast<double>(logits[i]), expected[t][i], 1e-4) << "token " << t << " logit " << i;
  }
}

TEST(GptDecoder, ATransposedTensorWouldBeSeen) {
  const test::TemporaryFolder folder;
  write_hugging_face(folder.path(), test::sample_weights());
  StateDict file = read_safetensors(folder / kWeightsFile);
  // The square projection of the attention is the one whose transposition no shape gives away.
  auto weights = test::sample_weights();
  for (auto& parameter : weights.parameters()) {
    if (parameter.info.name != "h.0.attn.c_proj.weight") continue;
    for (std::size_t i = 0; i < 12; ++i)
      for (std::size_t j = 0; j < i; ++j) std::swap(parameter.value[12 * i + j], parameter.value[12 * j + i]);
  }
  GptDecoder decoder(std::move(weights));
  const auto expected = test::ReferenceForward(file, decoder.shape()).logits({kText[0]});
  const auto logits = decoder.read(kText[0]);
  double largest = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(logits[i]) - expected[0][i]));
  EXPECT_GT(largest, 0.1);
}

TEST(GptDecoder, RefusesWhatItHasNoPlaceFor) {
  GptDecoder decoder(test::sample_weights());
  EXPECT_THROW((void)decoder.read(23), std::out_of_range);
  EXPECT_THROW((void)decoder.read(-1), std::out_of_range);
  for (const auto token : kText) (void)decoder.read(token);
  EXPECT_THROW((void)decoder.read(0), std::length_error);
}

TEST(Generation, ContinuesAsFullRecomputationWould) {
  GptDecoder decoder(test::sample_weights());
  const std::vector<std::int64_t> prompt{3, 1, 22};
  const GenerationOptions options{.tokens = 13, .sampling = {.is_greedy = true}};
  auto text = prompt;
  for (int i = 0; i < 13; ++i) {
    GptDecoder fresh(test::sample_weights());
    std::span<const float> logits;
    for (const auto token : text) logits = fresh.read(token);
    text.push_back(std::ranges::max_element(logits) - logits.begin());
  }
  const auto written = generate(decoder, prompt, options);
  EXPECT_EQ(written, std::vector<std::int64_t>(text.begin() + 3, text.end()));
}

TEST(Generation, GoesOnBeyondTheContextFromItsLatterHalf) {
  GptDecoder decoder(test::sample_weights());
  const GenerationOptions options{.tokens = 40, .seed = 5};
  const auto written = generate(decoder, std::vector<std::int64_t>{1}, options);
  ASSERT_EQ(written.size(), 40U);
  // The context of 16 is full after the prompt and 15 tokens; number 17 (from 1) is drawn after the last 8 alone.
  GptDecoder fresh(test::sample_weights());
  std::span<const float> logits;
  for (std::size_t i = 8; i < 16; ++i) logits = fresh.read(written[i]);
  Philox random(5, 0x74657874);
  for (int i = 0; i < 16; ++i) (void)random.uniform();
  EXPECT_EQ(written[16], sample_token(logits, {}, random.uniform()));
}

TEST(Generation, IsAFunctionOfTheSeedAndNotOfTheThreads) {
  const auto text = [](std::uint64_t seed, int threads) {
    omp_set_num_threads(threads);
    GptDecoder decoder(test::sample_weights());
    return generate(decoder, std::vector<std::int64_t>{2}, {.tokens = 30, .seed = seed});
  };
  const auto one = text(1, 1);
  EXPECT_EQ(text(1, 2), one);
  EXPECT_NE(text(2, 1), one);
  omp_set_num_threads(1);
}

TEST(Generation, EndsAtEndOfTextAndWhenTold) {
  GptDecoder decoder(test::sample_weights());
  const std::vector<std::int64_t> prompt{2};
  const auto whole = generate(decoder, prompt, {.tokens = 30});
  const auto end = whole[10];
  const auto first = static_cast<std::size_t>(std::ranges::find(whole, end) - whole.begin());
  EXPECT_EQ(generate(decoder, prompt, {.tokens = 30, .end_of_text = end}).size(), first);
  EXPECT_EQ(generate(decoder, prompt, {.tokens = 30}, [n = 0](std::int64_t) mutable { return ++n < 4; }).size(), 4U);
  for (const auto token : generate(decoder, prompt, {.tokens = 200, .vocabulary = 5})) EXPECT_LT(token, 5);
  EXPECT_THROW((void)generate(decoder, {}, {}), std::invalid_argument);
}

TEST(SampleToken, DrawsWithTheProbabilitiesOfTheSoftmax) {
  // Probabilities 1/2, 1/4, 1/8, 1/8 at temperature 1.
  const std::vector<float> logits{std::log(0.125F), std::log(0.5F), std::log(0.125F), std::log(0.25F)};
  const auto shares = [&](const SamplingOptions& options) {
    std::map<std::int64_t, double> count;
    constexpr int kDraws = 8000;
    for (int i = 0; i < kDraws; ++i) count[sample_token(logits, options, (i + 0.5) / kDraws)] += 1.0 / kDraws;
    return count;
  };
  constexpr double kStep = 2.0 / 8000;  // uniform numbers on a grid: two of its cells
  auto all = shares({});
  EXPECT_NEAR(all[1], 0.5, kStep);
  EXPECT_NEAR(all[3], 0.25, kStep);
  EXPECT_NEAR(all[0], 0.125, kStep);
  auto two = shares({.top_k = 2});
  EXPECT_EQ(two.size(), 2U);
  EXPECT_NEAR(two[1], 2.0 / 3.0, kStep);
  auto most = shares({.top_p = 0.7});
  EXPECT_EQ(most.size(), 2U);
  EXPECT_NEAR(most[3], 1.0 / 3.0, kStep);
  auto cold = shares({.temperature = 0.5});  // squares: 4/16, 1/16, ... of 22/64
  EXPECT_NEAR(cold[1], 16.0 / 22.0, kStep);
  EXPECT_EQ(shares({.is_greedy = true}).begin()->first, 1);
  EXPECT_EQ(sample_token(logits, {.top_k = 1}, 0.99), 1);
}

TEST(SampleToken, NeverTakesWhatIsImpossible) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits{kNever, 0.0F, kNever};
  for (const double uniform : {0.0, 0.5, 1.0 - 0x1p-53}) EXPECT_EQ(sample_token(logits, {}, uniform), 1);
}

TEST(SampleToken, RefusesLogitsThatHaveNoOrder) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float nan = std::nanf("");
  const std::vector<std::vector<float>> wrong{
      {nan, nan, nan}, {0.0F, nan, 1.0F}, {nan, 0.0F}, {0.0F, nan}, {0.0F, kInfinity}, {-kInfinity, -kInfinity}};
  for (const auto& logits : wrong) {
    for (const SamplingOptions& options :
         {SamplingOptions{}, SamplingOptions{.top_k = 1}, SamplingOptions{.top_p = 0.5}, SamplingOptions{.is_greedy = true}})
      EXPECT_THROW((void)sample_token(logits, options, 0.5), UserError);
  }
}

TEST(Generation, RefusesLogitsThatOverflow) {
  auto weights = test::sample_weights();
  for (const auto& parameter : weights.parameters()) {  // finite, but their products are not
    if (parameter.info.name == "wte.weight" || parameter.info.name == "ln_f.weight")
      for (float& value : parameter.value) value *= 1e38F;
  }
  GptDecoder decoder(std::move(weights));
  EXPECT_THROW((void)generate(decoder, std::vector<std::int64_t>{1}, {.tokens = 2}), UserError);
}

TEST(SamplingOptions, RefusesWhatIsOutsideTheDomain) {
  EXPECT_NO_THROW(SamplingOptions{}.validate());
  EXPECT_THROW(SamplingOptions{.temperature = 0.0}.validate(), std::invalid_argument);
  EXPECT_THROW(SamplingOptions{.top_k = -1}.validate(), std::invalid_argument);
  EXPECT_THROW(SamplingOptions{.top_p = 0.0}.validate(), std::invalid_argument);
  EXPECT_THROW(SamplingOptions{.top_p = 1.5}.validate(), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
