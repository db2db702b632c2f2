// SPDX-License-Identifier: Apache-2.0
// Weights of GPT-2 in the files of others: Hugging Face folders both ways, llm.c checkpoints in. docs/weights.md has
// the mapping of every tensor.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/gpt/shape.hpp"

namespace normdescent {

inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kWeightsFile = "model.safetensors";

/// A model at rest.
struct GptWeights {
  GptShape shape;
  std::vector<float> values;  ///< all tensors one after the other, in order and layout of gpt_parameters(shape)

  /// The tensors as parameters without gradient; they must not outlive this.
  [[nodiscard]] std::vector<Parameter> parameters();
};

/// Takes the values of `from` over. std::invalid_argument if they are not gpt_parameters(shape).
[[nodiscard]] GptWeights copy_weights(const GptShape& shape, std::span<const Parameter> from);

/// config.json of Hugging Face's GPT2LMHeadModel, and what it says of the shape. UserError for everything that would
/// make another function of the same weights: an activation other than gelu_new, another layer norm epsilon than 1e-5,
/// ...
[[nodiscard]] std::string to_config(const GptShape& shape);
[[nodiscard]] GptShape parse_config(const std::string& text, const std::filesystem::path& path);

/// `folder`/{config.json, model.safetensors}, as transformers' from_pretrained reads them: names with "transformer.",
/// dense weights as Conv1D stores them, (in, out); no lm_head where it is tied. UserError if they cannot be written.
/// Memory: a second copy of the weights.
void write_hugging_face(const std::filesystem::path& folder, const GptWeights& weights);

/// A folder with config.json and model.safetensors, or that safetensors file. Names with or without "transformer.", with
/// whatever torch.compile, DDP and FSDP put before them; of tied tensors either; F32, F16 or BF16; the buffers attn.bias
/// and attn.masked_bias are ignored.
/// UserError naming file and tensor for every other defect. Memory: the file and the weights.
[[nodiscard]] GptWeights read_hugging_face(const std::filesystem::path& path);

/// A model checkpoint of llm.c: magic 20240326, version 3 (float32) or 5 (bfloat16). The rows that pad its vocabulary
/// are dropped. UserError naming the path for every defect; nothing is allocated before the sizes fit the file's.
[[nodiscard]] GptWeights read_llmc(const std::filesystem::path& path);

/// UserError naming `path` and the first tensor with an entry that is NaN or infinite. Every reader of weights for use
/// asks this: what such a model computes is no number, either.
void require_finite(GptWeights& weights, const std::filesystem::path& path);

/// Either, by what is there: *.bin is llm.c's. Finite, or UserError.
[[nodiscard]] GptWeights read_gpt_weights(const std::filesystem::path& path);

}  // namespace normdescent
