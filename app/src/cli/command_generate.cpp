// SPDX-License-Identifier: Apache-2.0
// generate: text from weights.
#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/sampling.hpp"
#include "normdescent/tokens/encoder.hpp"
#include "normdescent/train/model_record.hpp"
#include "option_checks.hpp"

#include <omp.h>

namespace normdescent::cli {
namespace {

struct GenerateCommandOptions {
  std::string run;
  std::string weights;
  std::string tokenizer = "gpt2";
  std::string prompt = "\n";
  GenerationOptions generation;
  int threads = 1;
  bool json = false;
};

struct Source {
  GptWeights weights;
  Vocabulary vocabulary;
};

Source read_source(const GenerateCommandOptions& options) {
  if (options.run.empty()) return {find_weights(options.weights), find_vocabulary(options.tokenizer)};
  return {read_run_weights(options.run), tokenizer_of(options.run, read_model_record(options.run))};
}

std::vector<std::int64_t> encode_prompt(const Encoder& encoder, const std::string& prompt, const GptShape& shape) {
  const auto tokens = encoder.encode(prompt);
  if (tokens.empty()) throw UserError("--prompt is empty", "a model continues a text of at least one token");
  for (const Token token : tokens) {
    if (token < shape.vocabulary) continue;
    throw UserError("the prompt has token " + std::to_string(token) + ", the model only " +
                        std::to_string(shape.vocabulary) + " tokens",
                    "give the --tokenizer that the weights were trained with");
  }
  return {tokens.begin(), tokens.end()};
}

int run_generate(GenerateCommandOptions options, Session& session) {
  options.generation.sampling.validate();
  omp_set_num_threads(options.threads);
  Source source = read_source(options);
  const Encoder encoder(std::move(source.vocabulary));
  const auto prompt = encode_prompt(encoder, options.prompt, source.weights.shape);
  GptDecoder decoder(std::move(source.weights));
  // A model may have rows that no token of its tokenizer means: padding.
  options.generation.vocabulary = std::min<std::int64_t>(decoder.shape().vocabulary, encoder.vocabulary().size());
  if (const auto end = encoder.vocabulary().end_of_text()) options.generation.end_of_text = *end;

  if (!options.json) session.out << options.prompt << std::flush;
  const auto start = std::chrono::steady_clock::now();
  const auto written = generate(decoder, prompt, options.generation, [&](std::int64_t token) {
    const Token one[] = {static_cast<Token>(token)};
    if (!options.json) session.out << encoder.decode(one) << std::flush;
    return !session.stop.stop_requested();
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!options.json) {
    session.out << '\n';
    return session.stop.stop_requested() ? kFailed : kDone;
  }
  const std::vector<Token> tokens(written.begin(), written.end());
  const nlohmann::json json = {
      {"prompt", utf8_text(options.prompt)},
      {"text", utf8_text(encoder.decode(tokens))},  // tokens are bytes: a model may write what is no UTF-8
      {"tokens", tokens},
      {"prompt_tokens", prompt.size()},
      {"seed", options.generation.seed},
      {"tokens_per_second", static_cast<double>(prompt.size() + tokens.size()) / std::max(seconds, 1e-9)}};
  print_document(session.out, json);
  return session.stop.stop_requested() ? kFailed : kDone;
}

}  // namespace

void add_generate(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("generate", "Let a trained model continue a text");
  const auto options = std::make_shared<GenerateCommandOptions>();
  GenerationOptions& generation = options->generation;
  auto* const source = command->add_option_group("weights");
  auto* const run =
      source->add_option("--run", options->run, "Run folder of train; its newest valid checkpoint")->type_name("DIR");
  source->add_option("--weights", options->weights, "Hugging Face folder or .safetensors, llm.c's .bin")
      ->type_name("PATH");
  source->require_option(1);
  command
      ->add_option("--tokenizer", options->tokenizer,
                   "Of --weights: bytes, gpt2, or a tokenizer's file or folder; a run folder has its own")
      ->capture_default_str()
      ->type_name("NAME")
      ->excludes(run);
  command->add_option("--prompt", options->prompt, "The text to continue; default: a line break")->type_name("TEXT");
  command->add_option("--tokens", generation.tokens, "Tokens to write")
      ->check(integer(0))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--temperature", generation.sampling.temperature, "Sampling temperature")
      ->check(positive_number())
      ->capture_default_str()
      ->type_name("X");
  command->add_option("--top-k", generation.sampling.top_k, "Top-k sampling; 0: all tokens")
      ->check(integer(0))
      ->capture_default_str()
      ->type_name("K");
  command
      ->add_option("--top-p", generation.sampling.top_p,
                   "Nucleus (top-p) sampling: the most probable tokens up to this probability mass")
      ->check(positive_number())
      ->capture_default_str()
      ->type_name("P");
  command->add_flag("--greedy", generation.sampling.is_greedy, "Greedy decoding");
  add_seed(*command, generation.seed);
  add_threads(*command, options->threads);
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return run_generate(*options, session); }; });
}

}  // namespace normdescent::cli
