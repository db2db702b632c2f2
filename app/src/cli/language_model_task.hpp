// SPDX-License-Identifier: Apache-2.0
// --task lm: a GPT preset on text. The options that probe, compare and train share, and the problem they mean.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "normdescent/train/gpt_problem.hpp"

namespace normdescent::cli {

struct LanguageModelOptions {
  std::string task = "lm";
  std::string data;  ///< empty: the C and C++ headers of this machine
  std::string tokenizer = "bytes";
  std::string window_order;  ///< empty: shuffled for shards, independent for text
  std::string model = "nano";
  std::uint32_t batch = GptProblemOptions{}.batch_size;
  Index context = 0;              ///< 0: the preset's
  std::uint32_t micro_batch = 0;  ///< 0: the whole batch at once
  std::string init_from{};        ///< weights to begin with; empty: new ones. Their shape goes before `model`.

  [[nodiscard]] const std::string& model_name() const { return init_from.empty() ? model : init_from; }
};

struct LanguageModelTask {
  std::shared_ptr<const TokenCorpus> corpus;
  std::shared_ptr<const Problem> problem;
  GptProblemOptions options;
  std::string initial_weights_hash{};

  /// What of this a resumed run must share, beside shape, batch size and seed.
  [[nodiscard]] std::map<std::string, std::string> facts() const;
};

void add_task_options(CLI::App& command, LanguageModelOptions& options);

/// What the tokens mean: a name, or a tokenizer's file.
[[nodiscard]] std::string tokenizer_of_data(const LanguageModelOptions& options);

/// Reads the data. Throws UserError or std::invalid_argument for what cannot be trained on.
[[nodiscard]] LanguageModelTask make_task(const LanguageModelOptions& options);

/// `out`, or where it is empty the first of runs/NAME-1, runs/NAME-2, ... that does not exist.
[[nodiscard]] std::filesystem::path output_folder(const std::string& out, const std::string& name);

}  // namespace normdescent::cli
