// SPDX-License-Identifier: Apache-2.0
#include "language_model_task.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/train/model_record.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {
namespace {

std::string preset_names() {
  std::string out;
  for (const auto& preset : gpt_presets()) out += (out.empty() ? "" : ", ") + preset.name;
  return out;
}

std::string hash_of(const GptWeights& weights) {
  const auto bytes = std::as_bytes(std::span(weights.values));
  return hash_text(hash_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
}

std::shared_ptr<const TokenCorpus> load_tokens(const LanguageModelOptions& options) {
  if (!options.data.empty() && holds_token_shards(options.data)) return open_token_folder(options.data);
  auto corpus = std::make_shared<Corpus>(options.data.empty() ? load_system_headers() : load_corpus(options.data));
  if (options.tokenizer == "bytes") return byte_tokens(std::move(corpus));
  return encode_corpus(*corpus, Encoder(find_vocabulary(options.tokenizer)), available_threads());
}

}  // namespace

std::map<std::string, std::string> LanguageModelTask::facts() const {
  std::map<std::string, std::string> facts{
      {"context", std::to_string(options.context)},
      {"data_hash", corpus->info.content_hash},
      {"window_order", options.order == WindowOrder::independent ? "independent" : "shuffled"},
      {"micro_batch", std::to_string(options.micro_batch)},
      {"precision", to_string(resolve(options.precision))}};
  // By its content where that is known: the name of a file is no identity.
  if (corpus->tokenizer_hash.empty()) {
    facts["tokenizer"] = corpus->tokenizer;
  } else {
    facts["tokenizer_hash"] = corpus->tokenizer_hash;
  }
  if (options.initial_weights) facts["initial_weights"] = initial_weights_hash;
  return facts;
}

std::string tokenizer_of_data(const LanguageModelOptions& options) {
  if (options.data.empty() || !holds_token_shards(options.data)) return options.tokenizer;
  const auto file = std::filesystem::path(options.data) / "tokenizer.tiktoken";
  std::error_code error;
  return std::filesystem::exists(file, error) ? file.string() : "gpt2";
}

void add_task_options(CLI::App& command, LanguageModelOptions& options) {
  command.add_option("--task", options.task, "What is trained: lm, a language model on text")
      ->capture_default_str()
      ->type_name("NAME");
  command
      .add_option("--data", options.data,
                  "Text file or folder, or a folder of token shards; default: the C and C++ headers of this machine")
      ->type_name("PATH");
  command
      .add_option("--tokenizer", options.tokenizer,
                  "How text becomes tokens: bytes, gpt2, or a tokenizer's file or folder; shards have theirs")
      ->capture_default_str()
      ->type_name("NAME");
  command
      .add_option("--window-order", options.window_order,
                  "Order of the training sequences: independent (drawn with replacement, the default for text) or "
                  "shuffled (epochs, the default for shards)")
      ->check(CLI::IsMember({"independent", "shuffled"}))
      ->type_name("NAME");
  command.add_option("--model", options.model, "GPT preset: " + preset_names())
      ->capture_default_str()
      ->type_name("NAME");
  command.add_option("--batch", options.batch, "Sequences in a mini-batch")
      ->check(integer(1, 1 << 20))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--context", options.context, "Tokens in a sequence; default: the model's")
      ->check(integer(1, 1 << 20))
      ->type_name("N");
}

LanguageModelTask make_task(const LanguageModelOptions& options) {
  if (options.task != "lm") throw UserError("unknown task '" + options.task + "'", "the task of this command is lm");
  LanguageModelTask task;
  if (options.init_from.empty()) {
    task.options.shape = gpt_preset(options.model);
  } else {
    const GptWeights weights = find_weights(options.init_from);
    task.options.shape = weights.shape;
    task.initial_weights_hash = hash_of(weights);
    task.options.initial_weights = [path = options.init_from] { return find_weights(path); };
  }
  task.options.micro_batch = options.micro_batch < options.batch ? options.micro_batch : 0;
  task.options.batch_size = options.batch;
  if (options.context > task.options.shape.context) {
    throw UserError("--context " + std::to_string(options.context) + " is longer than the model " +
                    options.model_name() + " takes (" + std::to_string(task.options.shape.context) + ")");
  }
  task.options.context = options.context > 0 ? options.context : task.options.shape.context;
  task.corpus = load_tokens(options);
  if (options.init_from.empty()) {
    task.options.shape.vocabulary = std::max(task.options.shape.vocabulary, task.corpus->vocabulary);
  } else if (task.options.shape.vocabulary < task.corpus->vocabulary) {
    throw UserError("the weights of " + options.init_from + " have " + std::to_string(task.options.shape.vocabulary) +
                        " tokens, the data's tokenizer " + task.corpus->tokenizer + " has " +
                        std::to_string(task.corpus->vocabulary),
                    "give the --tokenizer that the weights were trained with");
  }
  const bool is_shuffled =
      options.window_order.empty() ? holds_token_shards(options.data) : options.window_order == "shuffled";
  task.options.order = is_shuffled ? WindowOrder::shuffled_epochs : WindowOrder::independent;
  task.problem = make_gpt_problem(task.options, task.corpus);
  return task;
}

std::filesystem::path output_folder(const std::string& out, const std::string& name) {
  if (!out.empty()) return out;
  for (int number = 1;; ++number) {
    const auto path = std::filesystem::path("runs") / (name + "-" + std::to_string(number));
    if (!std::filesystem::exists(path)) return path;
  }
}

}  // namespace normdescent::cli
