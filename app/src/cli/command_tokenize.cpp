// SPDX-License-Identifier: Apache-2.0
// tokenize: text to token shards, with GPT-2's tokenizer, a user's, or one learned from the text.
#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/shard.hpp"
#include "normdescent/train/run_folder.hpp"
#include "normdescent/train/tokenize.hpp"
#include "option_checks.hpp"
#include "progress.hpp"

namespace normdescent::cli {
namespace {

struct TokenizeCommandOptions {
  std::string data;
  std::string tokenizer = "gpt2";
  Token learn = 0;  ///< tokens of a vocabulary to learn; 0: none
  std::int64_t tokens_per_shard = TokenizeOptions{}.tokens_per_shard;
  int threads = 1;
  std::string out;
  bool json = false;
};

Vocabulary choose_vocabulary(const TokenizeCommandOptions& options, Progress& progress) {
  if (options.learn == 0) return find_vocabulary(options.tokenizer);
  return learn_vocabulary(options.data, options.learn,
                          [&](double share) { progress.update("learning the vocabulary", share); });
}

int run_tokenize(const TokenizeCommandOptions& options, Session& session) {
  const RunFolder folder = RunFolder::create(options.out);
  TokenManifest manifest;
  double seconds = 0.0;
  {
    Progress progress(session.err, session.err_is_terminal);
    const Encoder encoder(choose_vocabulary(options, progress));
    const auto start = std::chrono::steady_clock::now();
    manifest = tokenize(encoder,
                        {.data = options.data,
                         .tokens_per_shard = options.tokens_per_shard,
                         .threads = options.threads,
                         .on_progress = [&](double share) { progress.update("encoding", share); }},
                        folder.path(), session.stop);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (session.stop.stop_requested()) {
    session.err << "normdescent: interrupted; the shards in " << folder.path().string() << " are not all\n";
    return kFailed;
  }
  const double rate = static_cast<double>(manifest.bytes) / std::max(seconds, 1e-9);
  if (options.json) {
    auto json = nlohmann::json::parse(manifest.to_json());
    json["bytes_per_second"] = rate;
    json["folder"] = utf8_text(folder.path().string());
    print_document(session.out, json);
    return kDone;
  }
  const std::int64_t tokens = manifest.training_tokens + manifest.validation_tokens;
  session.out << grouped(manifest.documents) << " documents, " << grouped(manifest.bytes)
              << " bytes: " << grouped(manifest.training_tokens) << " training and "
              << grouped(manifest.validation_tokens) << " validation tokens of " << manifest.tokenizer << " ("
              << grouped(manifest.vocabulary) << " ids), "
              << fixed(static_cast<double>(manifest.bytes) / static_cast<double>(std::max<std::int64_t>(tokens, 1)), 2)
              << " bytes a token, " << fixed(rate / 1e6, 1) << " MB/s\n"
              << folder.path().string() << '\n';
  return kDone;
}

}  // namespace

void add_tokenize(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("tokenize", "Turn text into token shards (llm.c's format)");
  const auto options = std::make_shared<TokenizeCommandOptions>();
  command->add_option("--data", options->data, "Text file or folder; default: the C and C++ headers of this machine")
      ->type_name("PATH");
  auto* const tokenizer =
      command
          ->add_option("--tokenizer", options->tokenizer,
                       "gpt2, bytes, a file (vocab.bpe, merges.txt, tokenizer.json, *.tiktoken) or a folder with one")
          ->capture_default_str()
          ->type_name("NAME");
  command->add_option("--learn", options->learn, "Learn a byte-pair encoding of N tokens from the text instead")
      ->check(integer(257, 65536))
      ->type_name("N")
      ->excludes(tokenizer);
  command->add_option("--tokens-per-shard", options->tokens_per_shard, "Tokens in a file")
      ->check(integer(1, INT32_MAX))
      ->capture_default_str()
      ->type_name("N");
  add_threads(*command, options->threads);
  add_out(*command, options->out, "Folder for the shards; must be new or empty")->required();
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return run_tokenize(*options, session); }; });
}

}  // namespace normdescent::cli
