// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/gpt_problem.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent {

namespace {

void check(const GptProblemOptions& options) {
  validate(options.shape);
  const auto refuse = [](const char* field, Index value, const std::string& domain) {
    throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + domain);
  };
  if (options.shape.vocabulary < 256) refuse("vocabulary", options.shape.vocabulary, ">= 256: tokens are bytes");
  if (options.batch_size < 1) refuse("batch_size", options.batch_size, ">= 1");
  if (options.context < 1 || options.context > options.shape.context) {
    refuse("context", options.context, "in [1, " + std::to_string(options.shape.context) + "], the model's context");
  }
  if (options.validation_windows < 1) refuse("validation_windows", options.validation_windows, ">= 1");
}

void copy_window(std::span<const std::uint8_t> text, std::uint64_t start, std::span<std::int64_t> window) {
  std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(start), window.size(), window.begin());
}

class GptProblem final : public Problem {
 public:
  GptProblem(const GptProblemOptions& options, std::shared_ptr<const Corpus> corpus)
      : options_(options), corpus_(std::move(corpus)) {
    if (options_.context == 0) options_.context = options_.shape.context;
    check(options_);
    corpus_->require_window(options_.context);
    const auto length = static_cast<std::size_t>(options_.context + 1);
    const auto count = static_cast<std::size_t>(options_.validation_windows);
    const auto text = corpus_->validation();
    std::vector<std::int64_t> windows(count * length);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t start = (text.size() - length) * i / std::max<std::size_t>(1, count - 1);
      copy_window(text, start, std::span(windows).subspan(i * length, length));
    }
    validation_windows_ = std::make_shared<const std::vector<std::int64_t>>(std::move(windows));
  }

  [[nodiscard]] std::string name() const override {
    return "gpt(" + std::to_string(parameter_count(options_.shape)) + " parameters) on " + corpus_->info().source;
  }
  [[nodiscard]] std::uint32_t batch_size() const override { return options_.batch_size; }

  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    GptData data;
    data.context = options_.context;
    data.training_windows = [corpus = corpus_](const Batch& batch, std::span<std::int64_t> out) {
      const auto text = corpus->training();
      const std::size_t length = out.size() / batch.count;
      for (std::uint32_t i = 0; i < batch.count; ++i) {
        const std::uint64_t start = Philox(batch.stream, 0, batch.first + i).below(text.size() - length + 1);
        copy_window(text, start, out.subspan(i * length, length));
      }
    };
    data.validation_windows = validation_windows_;
    data.chunk = options_.batch_size;
    return make_gpt_objective(options_.shape, options_.precision, std::move(data), seed);
  }

 private:
  GptProblemOptions options_;
  std::shared_ptr<const Corpus> corpus_;
  std::shared_ptr<const std::vector<std::int64_t>> validation_windows_;
};

}  // namespace

std::shared_ptr<const Problem> make_gpt_problem(const GptProblemOptions& options,
                                                std::shared_ptr<const Corpus> corpus) {
  return std::make_shared<const GptProblem>(options, std::move(corpus));
}

}  // namespace normdescent
