// SPDX-License-Identifier: Apache-2.0
// Language models without attention.
#include <cmath>
#include <string>
#include <vector>

#include "families.hpp"
#include "model_problem.hpp"
#include "text_models.hpp"
#include "zoo_text.hpp"

namespace normdescent {
namespace {

using MakeProblem = std::function<std::shared_ptr<const Problem>()>;

/// Inverse cumulative distribution of p(k) ~ 1 / (k + 1)^exponent on 0 .. n - 1.
class Zipf {
 public:
  Zipf(std::size_t n, double exponent) : cumulative_(n) {
    double sum = 0.0;
    for (std::size_t k = 0; k < n; ++k) cumulative_[k] = sum += std::pow(static_cast<double>(k + 1), -exponent);
    for (double& c : cumulative_) c /= sum;
  }
  [[nodiscard]] std::int64_t operator()(double uniform) const {
    return std::lower_bound(cumulative_.begin(), cumulative_.end() - 1, uniform) - cumulative_.begin();
  }

 private:
  std::vector<double> cumulative_;
};

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

MakeProblem lstm(std::string name, ZooText text, std::uint32_t batch_size) {
  return [=] {
    return make_model_problem(
        {.name = name, .batch_size = batch_size, .examples = text_windows(zoo_bytes(text), 25, 48), .make = [] {
           return make_lstm({});
         }});
  };
}

}  // namespace

std::vector<ZooProblem> language_problems() {
  return {
      {"bigram-zipf", "bigram", "softmax on one table, Zipf tokens: most rows and classes are rarely seen", 256, 200,
       true, bigram("bigram-zipf", 1.0, 256)},
      {"lstm-prose-bytes", "recurrent", "one recurrent matrix used at 24 steps of time", 16, 200, false,
       lstm("lstm-prose-bytes", ZooText::prose, 16)},
  };
}

}  // namespace normdescent
