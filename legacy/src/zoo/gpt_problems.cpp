// SPDX-License-Identifier: Apache-2.0
// GPTs: pre-norm ones on the training kernel, post-norm ones as modules.
#include <memory>
#include <string>
#include <utility>

#include "families.hpp"
#include "model_problem.hpp"
#include "normdescent/base/hash.hpp"
#include "normdescent/train/gpt_problem.hpp"
#include "text_models.hpp"
#include "zoo_text.hpp"

namespace normdescent {
namespace {

/// Another problem under the zoo's name.
class Named final : public Problem {
 public:
  Named(std::string name, std::shared_ptr<const Problem> problem)
      : name_(std::move(name)), problem_(std::move(problem)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::uint32_t batch_size() const override { return problem_->batch_size(); }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    return problem_->instantiate(seed);
  }

 private:
  std::string name_;
  std::shared_ptr<const Problem> problem_;
};

constexpr Index kContext = 32;

using Tokens = std::shared_ptr<const TokenCorpus> (*)(ZooText);

std::function<std::shared_ptr<const Problem>()> pre_norm(std::string name, Tokens tokens, ZooText text, bool is_tied,
                                                         std::uint32_t batch_size) {
  return [=]() -> std::shared_ptr<const Problem> {
    const auto corpus = tokens(text);
    const GptShape shape{
        .layers = 2, .width = 64, .heads = 2, .context = kContext, .vocabulary = corpus->vocabulary, .tied = is_tied};
    // float32: a zoo problem is the same on every processor.
    const GptProblemOptions options{.shape = shape, .batch_size = batch_size, .precision = Precision::float32};
    // The windows of the held-out part stand for the text in the name.
    const auto hash = text_windows(corpus, kContext + 1, 64).hash;
    return std::make_shared<const Named>(name_with_hash(name, hash), make_gpt_problem(options, corpus));
  };
}

std::function<std::shared_ptr<const Problem>()> post_norm(std::string name, Tokens tokens, ZooText text, bool is_tied,
                                                          std::uint32_t batch_size) {
  return [=] {
    const auto corpus = tokens(text);
    const PostNormShape shape{.context = kContext, .vocabulary = corpus->vocabulary, .is_tied = is_tied};
    return make_model_problem({.name = name,
                               .batch_size = batch_size,
                               .examples = text_windows(corpus, kContext + 1, 64),
                               .make = [shape] { return make_post_norm_gpt(shape); },
                               .initialization = {.table_deviation = 0.1}});
  };
}

}  // namespace

std::vector<ZooProblem> gpt_problems() {
  using enum ZooText;
  const auto pre = [](std::string name, std::string summary, std::uint32_t batch, std::int64_t steps, Tokens tokens,
                      ZooText text, bool is_tied, bool is_quick = false) {
    return ZooProblem{
        name, "gpt", std::move(summary), batch, steps, is_quick, pre_norm(name, tokens, text, is_tied, batch)};
  };
  const auto post = [](std::string name, std::string summary, Tokens tokens, ZooText text, bool is_tied) {
    return ZooProblem{name, "gpt", std::move(summary), 16, 150, false, post_norm(name, tokens, text, is_tied, 16)};
  };
  return {
      pre("gpt-code-bytes", "pre-norm, tied, bytes of source code: the plain case", 16, 200, zoo_bytes, code, true,
          true),
      pre("gpt-prose-bytes", "the same on prose", 16, 200, zoo_bytes, prose, true),
      pre("gpt-code-bpe-untied", "learned tokens: a heavier tail of rare classes, and a head of its own", 16, 200,
          zoo_tokens, code, false),
      pre("gpt-prose-bpe", "learned tokens with the head tied to the embedding", 16, 200, zoo_tokens, prose, true),
      pre("gpt-code-batch-1", "one window of 32 bytes a step: the noise dominates", 1, 1200, zoo_bytes, code, true),
      pre("gpt-prose-batch-64", "64 windows a step: little noise, few steps", 64, 80, zoo_bytes, prose, true),
      post("gpt-prose-bytes-postnorm", "norms after the residual sums: gradients that differ between layers", zoo_bytes,
           prose, true),
      post("gpt-code-bpe-postnorm-untied", "post-norm on learned tokens with a head of its own", zoo_tokens, code,
           false),
  };
}

}  // namespace normdescent
