// SPDX-License-Identifier: Apache-2.0
// Hugging Face's names are ours with "transformer." before all but lm_head.weight. Its Conv1D computes x W + b and so
// stores (in, out), ours is (out, in).
#include <algorithm>
#include <array>
#include <map>

#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/io/safetensors.hpp"
#include "weight_values.hpp"

namespace normdescent {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "transformer.";
constexpr std::string_view kHead = "lm_head.weight";
constexpr std::string_view kEmbedding = "wte.weight";

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

/// Our name of a tensor. Wrappers of PyTorch put parts of their own into names, at the front or (a compiled or sharded
/// block) in between; none of them is a part of GPT-2's.
std::string our_name(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kWrappers{"_orig_mod", "module", "_fsdp_wrapped_module",
                                                             "_checkpoint_wrapped_module"};
  std::string out;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (std::ranges::find(kWrappers, part) == kWrappers.end()) out += (out.empty() ? "" : ".") + std::string(part);
    begin = end + 1;
  }
  return out.starts_with(kPrefix) ? out.substr(kPrefix.size()) : out;
}

struct NamedTensor {
  std::string their_name;
  const StateTensor* tensor = nullptr;
};
using NamedTensors = std::map<std::string, NamedTensor>;

/// The tensors under our names, masks left out.
NamedTensors tensors_by_name(const fs::path& path, const StateDict& file) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : file.tensors) {
    if (is_mask(name)) continue;
    const auto [known, is_new] = tensors.emplace(our_name(name), NamedTensor{name, &tensor});
    if (!is_new)
      refuse(path, "it has " + known->first + " twice, as " + known->second.their_name + " and as " + name,
             "remove one of them");
  }
  return tensors;
}

/// Of two tied tensors a file may keep either.
void take_head_as_embedding(const GptShape& shape, NamedTensors& tensors) {
  const auto head = tensors.find(std::string(kHead));
  if (shape.tied && head != tensors.end() && !tensors.contains(std::string(kEmbedding)))
    tensors.emplace(kEmbedding, head->second);
}

void check_tensor(const fs::path& path, const ParameterInfo& info, const NamedTensors& tensors) {
  const auto found = tensors.find(info.name);
  if (found == tensors.end()) {
    refuse(path, "it has no tensor " + info.name,
           tensors.empty() ? "every tensor of the model must be in one file"
                           : "every tensor of the model must be in one file; this one has " +
                                 tensors.begin()->second.their_name + " and the like");
  }
  const auto& [their_name, tensor] = found->second;
  if (tensor->shape != their_shape(info)) {
    const bool is_ours = is_transposed(info) && tensor->shape == info.shape;
    refuse(path, their_name + " has shape " + text_of(tensor->shape) + ", not " + text_of(their_shape(info)),
           is_ours ? "it is a checkpoint of this program: name its run folder, or export it"
                   : "weights and config.json must belong together");
  }
  if (tensor->dtype != "F32" && tensor->dtype != "F16" && tensor->dtype != "BF16")
    refuse(path, their_name + " is stored as " + tensor->dtype, "F32, F16 and BF16 can be read");
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

/// The file that transformers would read: the whole one where it is there, whatever lies beside it.
fs::path weights_file_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  const fs::path whole = path / kWeightsFile;
  if (fs::exists(whole, error)) return whole;
  const std::string save_anew =
      "AutoModelForCausalLM.from_pretrained(X).save_pretrained(Y, max_shard_size='100GB') of transformers makes one "
      "model.safetensors";
  for (const char* index : {"model.safetensors.index.json", "pytorch_model.bin.index.json"}) {
    if (fs::exists(path / index, error))
      throw UserError(path.string() + " has its weights in several files (" + index + ")", save_anew);
  }
  for (const char* pickle : {"pytorch_model.bin", "model.pt", "model.pth"}) {
    if (fs::exists(path / pickle, error))
      throw UserError(path.string() + " has its weights as " + pickle + ", a pickle of PyTorch, which can run any code and is not read",
                      save_anew);
  }
  return whole;
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
  take_head_as_embedding(weights.shape, tensors);

  const auto infos = gpt_parameters(weights.shape);
  for (const auto& info : infos) check_tensor(weights_file, info, tensors);
  weights.values.resize(static_cast<std::size_t>(parameter_count(weights.shape)));
  for (const auto& parameter : weights.parameters()) copy_tensor(*tensors.at(parameter.info.name).tensor, parameter);
  if (weights.shape.tied) {
    const auto head = tensors.find(std::string(kHead));
    if (head != tensors.end() && *head->second.tensor == *tensors.at(std::string(kEmbedding)).tensor) tensors.erase(head);
  }
  for (const auto& info : infos) tensors.erase(info.name);
  if (!tensors.empty()) {
    const auto& [name, named] = *tensors.begin();
    refuse(weights_file, "it has a tensor " + named.their_name + " that the model has not",
           name == kHead ? "tie_word_embeddings is true in config.json, but the head is not the embedding"
                         : "weights and config.json must belong together");
  }
  return weights;
}

}  // namespace normdescent
