// SPDX-License-Identifier: Apache-2.0
// Language models without attention.
#include <numbers>
#include <string>
#include <vector>

#include "families.hpp"
#include "hashed_text.hpp"
#include "model_problem.hpp"
#include "text_models.hpp"
#include "vector_models.hpp"
#include "zipf.hpp"
#include "zoo_text.hpp"

namespace normdescent {
namespace {

using MakeProblem = std::function<std::shared_ptr<const Problem>()>;

constexpr std::size_t kBigramVocabulary = 256;

/// Half of the time the successor is a fixed one of the token before, otherwise it is drawn like every other.
MakeProblem bigram(std::string name, double exponent, std::uint32_t batch_size) {
  return [=] {
    const auto draw = [zipf = Zipf(kBigramVocabulary, exponent)](Philox& random, std::span<std::int64_t> tokens) {
      tokens[0] = zipf(random.uniform());
      const bool is_fixed = random.uniform() < 0.5;
      tokens[1] =
          is_fixed ? (tokens[0] * 91 + 17) % static_cast<std::int64_t>(kBigramVocabulary) : zipf(random.uniform());
    };
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = drawn_tokens(2, draw, 4096),
                               .make = [] { return make_bigram_model(kBigramVocabulary); },
                               .initialization = {.table_deviation = 0.1}});
  };
}

using Tokens = std::shared_ptr<const TokenCorpus> (*)(ZooText);

/// The bigrams of a real text.
MakeProblem text_bigram(std::string name, Tokens tokens, ZooText text, std::uint32_t batch_size) {
  return [=] {
    const auto corpus = tokens(text);
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = text_windows(corpus, 2, 4096),
                               .make = [v = corpus->vocabulary] { return make_bigram_model(v); },
                               .initialization = {.table_deviation = 0.1}});
  };
}

MakeProblem lstm(std::string name, Tokens tokens, ZooText text, std::uint32_t batch_size) {
  return [=] {
    const auto corpus = tokens(text);
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = text_windows(corpus, 25, 48),
                               .make = [v = corpus->vocabulary] { return make_lstm({.vocabulary = v}); }});
  };
}

MakeProblem mlp(std::string name, Tokens tokens, ZooText text, std::uint32_t batch_size) {
  return [=] {
    const auto corpus = tokens(text);
    const MlpModelShape shape{.vocabulary = corpus->vocabulary};
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = text_windows(corpus, shape.context + 1, 1024),
                               .make = [shape] { return make_mlp_language_model(shape); }});
  };
}

MakeProblem hashed_text(std::string name, std::uint32_t batch_size, std::vector<std::int64_t> hidden) {
  return [=] {
    std::vector<std::int64_t> widths{kHashedColumns};
    widths.insert(widths.end(), hidden.begin(), hidden.end());
    widths.push_back(kHashedClasses);
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = hashed_text_source(),
                               .make = [widths] { return make_classifier(widths); },
                               .initialization = {.gain = hidden.empty() ? 0.1 : std::numbers::sqrt2}});
  };
}

}  // namespace

std::vector<ZooProblem> language_problems() {
  return {
      {"bigram-zipf", "bigram", "softmax on one table, Zipf tokens: most rows and classes are rarely seen", 256, 200,
       true, bigram("bigram-zipf", 1.0, 256)},
      {"bigram-uniform", "bigram", "the same with all tokens equally frequent", 256, 200, false,
       bigram("bigram-uniform", 0.0, 256)},
      {"bigram-code-bpe", "bigram", "the same on learned tokens of source code, with the tail that text has", 512, 200,
       false, text_bigram("bigram-code-bpe", zoo_tokens, ZooText::code, 512)},
      {"mlp-lm-code-bytes", "perceptron", "the eight bytes before through one tanh layer", 128, 200, true,
       mlp("mlp-lm-code-bytes", zoo_bytes, ZooText::code, 128)},
      {"mlp-lm-prose-bpe", "perceptron", "the same on learned tokens of prose: more and rarer classes", 128, 200, false,
       mlp("mlp-lm-prose-bpe", zoo_tokens, ZooText::prose, 128)},
      {"lstm-prose-bytes", "recurrent", "one recurrent matrix used at 24 steps of time", 16, 150, true,
       lstm("lstm-prose-bytes", zoo_bytes, ZooText::prose, 16)},
      {"lstm-code-bpe", "recurrent", "the same on learned tokens of source code", 16, 150, false,
       lstm("lstm-code-bpe", zoo_tokens, ZooText::code, 16)},
      {"logistic-text", "table", "which kind of text: softmax regression on hashed byte trigrams, 4% of cells not zero",
       32, 200, false, hashed_text("logistic-text", 32, {})},
      {"mlp-text", "table", "the same sparse table through a perceptron", 32, 200, false,
       hashed_text("mlp-text", 32, {32})},
  };
}

}  // namespace normdescent
