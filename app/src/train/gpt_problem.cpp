// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/gpt_problem.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/permutation.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/training/accumulation.hpp"

namespace normdescent {

namespace {

void check(const GptProblemOptions& options, Index vocabulary) {
  validate(options.shape);
  const auto refuse = [](const char* field, Index value, const std::string& domain) {
    throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + domain);
  };
  if (options.batch_size < 1) refuse("batch_size", options.batch_size, ">= 1");
  if (options.context < 1 || options.context > options.shape.context) {
    refuse("context", options.context, "in [1, " + std::to_string(options.shape.context) + "], the model's context");
  }
  if (options.shape.vocabulary < vocabulary) {
    refuse("vocabulary", options.shape.vocabulary, ">= " + std::to_string(vocabulary) + ", the tokenizer's");
  }
  if (options.validation_windows < 1) refuse("validation_windows", options.validation_windows, ">= 1");
}

/// The model has an embedding for each token, or UserError: shards come from anywhere.
void require_known(std::span<const std::int64_t> tokens, Index vocabulary) {
  const auto unknown = std::ranges::find_if(tokens, [&](std::int64_t token) { return token >= vocabulary; });
  if (unknown == tokens.end()) return;
  throw UserError("the data holds token " + std::to_string(*unknown) + ", the model's vocabulary ends at " +
                      std::to_string(vocabulary - 1),
                  "the shards were made with another tokenizer than their tokens.json says");
}

void begin_with(const GptWeights& weights, std::span<const Parameter> parameters) {
  auto from = weights.values.begin();
  for (const auto& p : parameters) {
    const auto count = static_cast<std::ptrdiff_t>(p.value.size());
    std::copy_n(from, count, p.value.begin());
    from += count;
  }
}

class GptProblem final : public Problem {
 public:
  GptProblem(const GptProblemOptions& options, std::shared_ptr<const TokenCorpus> corpus)
      : options_(options), corpus_(std::move(corpus)) {
    if (options_.context == 0) options_.context = options_.shape.context;
    check(options_, corpus_->vocabulary);
    corpus_->require_window(options_.context);
    const auto length = static_cast<std::size_t>(options_.context + 1);
    const auto count = static_cast<std::size_t>(options_.validation_windows);
    const TokenSource& source = *corpus_->validation;
    std::vector<std::int64_t> windows(count * length);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t start = (source.size() - length) * i / std::max<std::size_t>(1, count - 1);
      source.copy(start, std::span(windows).subspan(i * length, length));
    }
    require_known(windows, options_.shape.vocabulary);
    validation_windows_ = std::make_shared<const std::vector<std::int64_t>>(std::move(windows));
  }

  [[nodiscard]] std::string name() const override {
    return "gpt(" + std::to_string(parameter_count(options_.shape)) + " parameters)";
  }
  [[nodiscard]] std::uint32_t batch_size() const override { return options_.batch_size; }

  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    GptData data;
    data.context = options_.context;
    data.training_windows = [corpus = corpus_, vocabulary = options_.shape.vocabulary, order = options_.order](
                                const Batch& batch, std::span<std::int64_t> out) {
      read_windows(*corpus->training, order, batch, out);
      require_known(out, vocabulary);
    };
    data.validation_windows = validation_windows_;
    const bool is_split = options_.micro_batch > 0 && options_.micro_batch < options_.batch_size;
    data.chunk = is_split ? options_.micro_batch : options_.batch_size;
    auto objective = make_gpt_objective(options_.shape, options_.precision, std::move(data), seed);
    if (options_.initial_weights) {
      const GptWeights weights = options_.initial_weights();
      if (weights.shape != options_.shape)
        throw std::invalid_argument("initial_weights = another shape's, must be of the model's shape");
      begin_with(weights, objective->parameters());
    }
    return is_split ? accumulate(std::move(objective), options_.micro_batch) : std::move(objective);
  }

 private:
  GptProblemOptions options_;
  std::shared_ptr<const TokenCorpus> corpus_;
  std::shared_ptr<const std::vector<std::int64_t>> validation_windows_;
};

}  // namespace

std::uint64_t window_start(WindowOrder order, std::uint64_t size, std::uint64_t length, std::uint64_t stream,
                           std::uint64_t index) {
  if (order == WindowOrder::independent) return Philox(stream, 0, index).below(size - length + 1);
  const std::uint64_t windows = (size - 1) / (length - 1);
  return (length - 1) * permuted(index % windows, windows, stream, index / windows);
}

void read_windows(const TokenSource& source, WindowOrder order, const Batch& batch, std::span<std::int64_t> out) {
  const std::size_t length = out.size() / batch.count;
  const auto start = [&](std::uint32_t i) {
    return window_start(order, source.size(), length, batch.stream, batch.first + i);
  };
  for (std::uint32_t i = 0; i < batch.count; ++i) source.will_need(start(batch.count + i), length);
  for (std::uint32_t i = 0; i < batch.count; ++i) source.copy(start(i), out.subspan(i * length, length));
}

std::shared_ptr<const Problem> make_gpt_problem(const GptProblemOptions& options,
                                                std::shared_ptr<const TokenCorpus> corpus) {
  return std::make_shared<const GptProblem>(options, std::move(corpus));
}

}  // namespace normdescent
