// SPDX-License-Identifier: Apache-2.0
// Hugging Face's names are ours with "transformer." before all but lm_head.weight. Its Conv1D computes x W + b and so
// stores (in, out), ours is (out, in).
#include <algorithm>
#include <map>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/io/safetensors.hpp"
#include "weight_values.hpp"

namespace normdescent {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "transformer.";
constexpr std::string_view kHead = "lm_head.weight";

std::string their_name(const std::string& name) { return name == kHead ? name : std::string(kPrefix) + name; }

/// Causal masks that PyTorch keeps as buffers: "h.0.attn.bias".
bool is_mask(std::string_view name) { return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"); }

bool is_transposed(const ParameterInfo& info) { return info.role == Role::matrix; }

std::vector<Index> their_shape(const ParameterInfo& info) {
  return is_transposed(info) ? std::vector<Index>{info.cols(), info.rows()} : info.shape;
}

std::string text_of(const std::vector<Index>& shape) {
  std::string text = "(";
  for (const Index extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + ")";
}

[[noreturn]] void refuse(const fs::path& path, const std::string& defect, const std::string& hint) {
  throw UserError(path.string() + " is not the GPT-2 of its config.json: " + defect, hint);
}

/// The tensors under our names, masks left out.
std::map<std::string, const StateTensor*> tensors_by_name(const fs::path& path, const StateDict& file) {
  std::map<std::string, const StateTensor*> tensors;
  for (const auto& [name, tensor] : file.tensors) {
    if (is_mask(name)) continue;
    const bool has_prefix = name.starts_with(kPrefix);
    if (!tensors.emplace(has_prefix ? name.substr(kPrefix.size()) : name, &tensor).second)
      refuse(path, "it has " + name + " twice, with and without 'transformer.'", "remove one of them");
  }
  return tensors;
}

void check_tensor(const fs::path& path, const ParameterInfo& info,
                  const std::map<std::string, const StateTensor*>& tensors) {
  const auto found = tensors.find(info.name);
  if (found == tensors.end())
    refuse(path, "it has no tensor " + info.name, "every tensor of the model must be in one file");
  const StateTensor& tensor = *found->second;
  if (tensor.shape != their_shape(info)) {
    const bool is_ours = is_transposed(info) && tensor.shape == info.shape;
    refuse(path, info.name + " has shape " + text_of(tensor.shape) + ", not " + text_of(their_shape(info)),
           is_ours ? "it is a checkpoint of this program: name its run folder, or export it"
                   : "weights and config.json must belong together");
  }
  if (tensor.dtype != "F32" && tensor.dtype != "F16" && tensor.dtype != "BF16")
    refuse(path, info.name + " is stored as " + tensor.dtype, "F32, F16 and BF16 can be read");
}

void copy_tensor(const StateTensor& from, const Parameter& to) {
  std::vector<float> values(to.value.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = gpt::value_at(from.dtype, from.bytes.data(), i);
  if (is_transposed(to.info)) {
    gpt::transpose(values, to.info.rows(), to.info.cols(), to.value);
  } else {
    std::ranges::copy(values, to.value.begin());
  }
}

fs::path weights_file_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  if (fs::exists(path / "model.safetensors.index.json", error))
    throw UserError(path.string() + " has its weights in several files", "join them to one model.safetensors");
  return path / kWeightsFile;
}

}  // namespace

void write_hugging_face(const fs::path& folder, const GptWeights& weights) {
  StateDict file;
  file.metadata["format"] = "pt";  // transformers asks for it
  std::size_t offset = 0;
  for (const auto& info : gpt_parameters(weights.shape)) {
    const auto size = static_cast<std::size_t>(info.size());
    auto values = std::span(weights.values).subspan(offset, size);
    offset += size;
    std::vector<float> turned;
    if (is_transposed(info)) {
      turned.resize(size);
      gpt::transpose(values, info.cols(), info.rows(), turned);
      values = turned;
    }
    const auto bytes = std::as_bytes(values);
    file.tensors[their_name(info.name)] = {
        .dtype = "F32", .shape = their_shape(info), .bytes = {bytes.begin(), bytes.end()}};
  }
  write_safetensors(folder / kWeightsFile, file);
  write_text_atomically(folder / kConfigFile, to_config(weights.shape));
}

GptWeights read_hugging_face(const fs::path& path) {
  const fs::path weights_file = weights_file_of(path);
  const fs::path config_file = weights_file.parent_path() / kConfigFile;
  GptWeights weights{.shape = parse_config(read_text(config_file), config_file), .values = {}};
  const StateDict file = read_safetensors(weights_file);
  auto tensors = tensors_by_name(weights_file, file);

  const auto infos = gpt_parameters(weights.shape);
  for (const auto& info : infos) check_tensor(weights_file, info, tensors);
  weights.values.resize(static_cast<std::size_t>(parameter_count(weights.shape)));
  for (const auto& parameter : weights.parameters()) {
    copy_tensor(*tensors.at(parameter.info.name), parameter);
    if (parameter.info.name != "wte.weight" || !weights.shape.tied) tensors.erase(parameter.info.name);
  }
  if (weights.shape.tied) {
    const StateTensor* const embedding = std::exchange(tensors["wte.weight"], nullptr);
    tensors.erase("wte.weight");
    const auto head = tensors.find(std::string(kHead));
    if (head != tensors.end() && *head->second == *embedding) tensors.erase(head);
  }
  if (!tensors.empty()) {
    const std::string& name = tensors.begin()->first;
    refuse(weights_file, "it has a tensor " + name + " that the model has not",
           name == kHead ? "tie_word_embeddings is true in config.json, but the head is not the embedding"
                         : "weights and config.json must belong together");
  }
  return weights;
}

}  // namespace normdescent
