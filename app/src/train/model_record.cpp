// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/model_record.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_depth.hpp"
#include "normdescent/io/safetensors.hpp"
#include "normdescent/train/checkpoint.hpp"

namespace normdescent {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

[[noreturn]] void refuse(const fs::path& path, const std::string& defect) {
  throw UserError(path.string() + " is not readable: " + defect, "only train writes this file");
}

}  // namespace

void write_model_record(const fs::path& folder, const ModelRecord& record) {
  const nlohmann::ordered_json json = {{"version", 1},
                                       {"command_line", utf8_text(record.command_line)},
                                       {"tokenizer", record.tokenizer},
                                       {"model", Json::parse(to_config(record.shape))}};
  write_text_atomically(folder / kModelRecordFile, json.dump(2) + "\n");
}

bool holds_model_record(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / kModelRecordFile, error);
}

ModelRecord read_model_record(const fs::path& folder) {
  const fs::path path = folder / kModelRecordFile;
  if (!holds_model_record(folder))
    throw UserError("there is no " + path.string() + ", which says what the model of a run is",
                    "name a folder that train wrote");
  const std::string content = read_text(path);
  if (json_nests_too_deep(content)) refuse(path, "it nests too deep");
  const Json json = Json::parse(content, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("model")) refuse(path, "it is not a JSON object with a model");
  ModelRecord record{.shape = parse_config(json["model"].dump(), path)};
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) refuse(path, std::string(key) + " is no text");
    return found->get<std::string>();
  };
  record.tokenizer = text("tokenizer");
  record.command_line = bytes_of_utf8_text(text("command_line"));
  if (!is_tokenizer_name(record.tokenizer) && record.tokenizer != kTokenizerFile)
    refuse(path, "tokenizer is neither bytes, gpt2 nor the file " + std::string(kTokenizerFile));
  return record;
}

bool is_tokenizer_name(const std::string& name_or_path) { return name_or_path == "bytes" || name_or_path == "gpt2"; }

std::string keep_tokenizer(const fs::path& folder, const std::string& name_or_path) {
  if (is_tokenizer_name(name_or_path)) return name_or_path;
  const std::string content = read_text(vocabulary_file(name_or_path));  // which may be the copy itself
  write_text_atomically(folder / kTokenizerFile, content);
  return kTokenizerFile;
}

Vocabulary tokenizer_of(const fs::path& folder, const ModelRecord& record) {
  if (is_tokenizer_name(record.tokenizer)) return find_vocabulary(record.tokenizer);
  return read_vocabulary(folder / record.tokenizer);
}

GptWeights read_run_weights(const fs::path& folder) {
  const ModelRecord record = read_model_record(folder);
  const auto search = find_checkpoint(folder);
  if (!search.newest) {
    throw UserError("no checkpoint in " + folder.string() +
                        (search.damaged.empty() ? "" : " is valid: " + search.damaged.front().defect),
                    "train writes one every --checkpoint-every steps and at the end");
  }
  const fs::path path = *search.newest / kWeightsFile;
  const StateDict file = read_safetensors(path);
  for (const auto& info : gpt_parameters(record.shape)) {
    const auto found = file.tensors.find(info.name);
    if (found == file.tensors.end() || found->second.dtype != "F32" || found->second.shape != info.shape)
      throw UserError(path.string() + " has no tensor " + info.name + " of the shape in " + kModelRecordFile,
                      "the two must belong together");
  }
  GptWeights weights{.shape = record.shape, .values = {}};
  weights.values.resize(static_cast<std::size_t>(parameter_count(record.shape)));
  for (const auto& parameter : weights.parameters()) {
    const auto& bytes = file.tensors.at(parameter.info.name).bytes;
    std::memcpy(parameter.value.data(), bytes.data(), bytes.size());
  }
  require_finite(weights, path);
  return weights;
}

GptWeights find_weights(const fs::path& path) {
  return holds_model_record(path) ? read_run_weights(path) : read_gpt_weights(path);
}

}  // namespace normdescent
