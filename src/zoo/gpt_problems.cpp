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
  return {
      {"gpt-code-bytes", "gpt", "pre-norm, tied, bytes of source code: the plain case", 16, 200, true,
       pre_norm("gpt-code-bytes", zoo_bytes, ZooText::code, true, 16)},
      {"gpt-code-bpe-untied", "gpt", "learned tokens: a heavier tail of rare classes, and a head of its own", 16, 200,
       false, pre_norm("gpt-code-bpe-untied", zoo_tokens, ZooText::code, false, 16)},
      {"gpt-prose-bytes-postnorm", "gpt", "norms after the residual sums: gradients that grow toward the head", 16, 200,
       false, post_norm("gpt-prose-bytes-postnorm", zoo_bytes, ZooText::prose, true, 16)},
  };
}

}  // namespace normdescent
