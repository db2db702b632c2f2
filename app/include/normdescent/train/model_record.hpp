// SPDX-License-Identifier: Apache-2.0
// What a run folder says of its model, so that the weights in it can be used without the options of the run.
#pragma once

#include <filesystem>
#include <string>

#include "normdescent/gpt/weights.hpp"
#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

inline constexpr const char* kModelRecordFile = "model.json";
/// Beside it: the run's own copy of a tokenizer that is a file.
inline constexpr const char* kTokenizerFile = "tokenizer";

struct ModelRecord {
  GptShape shape;
  std::string tokenizer = "bytes";  ///< bytes, gpt2, or the name of a file beside model.json
  std::string command_line{};       ///< as it was typed
};

/// Writes `folder`/model.json. UserError if it cannot be written.
void write_model_record(const std::filesystem::path& folder, const ModelRecord& record);
/// UserError naming the file for every defect.
[[nodiscard]] ModelRecord read_model_record(const std::filesystem::path& folder);
[[nodiscard]] bool holds_model_record(const std::filesystem::path& folder);

/// Whether it is a name that every machine knows, and no file.
[[nodiscard]] bool is_tokenizer_name(const std::string& name_or_path);
/// Copies the tokenizer into the run folder if it is a file, and returns what ModelRecord::tokenizer is to be.
[[nodiscard]] std::string keep_tokenizer(const std::filesystem::path& folder, const std::string& name_or_path);
/// UserError if it is damaged or its name not known.
[[nodiscard]] Vocabulary tokenizer_of(const std::filesystem::path& folder, const ModelRecord& record);

/// The weights of the newest sound checkpoint. UserError if there is none, or it is not of the recorded shape.
[[nodiscard]] GptWeights read_run_weights(const std::filesystem::path& folder);

/// Weights from anywhere: a run folder, or read_gpt_weights.
[[nodiscard]] GptWeights find_weights(const std::filesystem::path& path);

}  // namespace normdescent
