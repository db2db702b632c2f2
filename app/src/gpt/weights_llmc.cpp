// SPDX-License-Identifier: Apache-2.0
// llm.c's model files: 256 little-endian int32, then every kind of tensor for all layers before the next kind. Layouts
// are ours, (out, in).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>

#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/io/random_access_file.hpp"
#include "weight_limits.hpp"
#include "weight_values.hpp"

namespace normdescent {

namespace {

constexpr std::int32_t kMagic = 20240326;
constexpr std::int32_t kFloat32 = 3;
constexpr std::int32_t kBfloat16 = 5;
constexpr std::size_t kHeaderBytes = 256 * sizeof(std::int32_t);

constexpr std::array kLayerTensors{"ln_1.weight",        "ln_1.bias",        "attn.c_attn.weight", "attn.c_attn.bias",
                                   "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight",        "ln_2.bias",
                                   "mlp.c_fc.weight",    "mlp.c_fc.bias",    "mlp.c_proj.weight",  "mlp.c_proj.bias"};

/// Names in the order of the file.
std::vector<std::string> names_in_order(Index layers) {
  std::vector<std::string> names{"wte.weight", "wpe.weight"};
  for (const char* tensor : kLayerTensors) {
    for (Index layer = 0; layer < layers; ++layer) names.push_back("h." + std::to_string(layer) + "." + tensor);
  }
  names.insert(names.end(), {"ln_f.weight", "ln_f.bias"});
  return names;
}

struct Header {
  GptShape shape;
  Index padded_vocabulary = 0;
  std::string dtype;
};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& defect) {
  throw UserError(path.string() + " is no model file of llm.c that can be read: " + defect,
                  "known are versions 3 (float32) and 5 (bfloat16) of its gpt2_124M.bin");
}

Header parse_header(const std::filesystem::path& path, std::span<const std::byte, kHeaderBytes> bytes) {
  std::array<std::int32_t, 8> words{};
  std::memcpy(words.data(), bytes.data(), sizeof words);
  if (words[0] != kMagic) refuse(path, "its first number is " + std::to_string(words[0]) + ", not 20240326");
  if (words[1] != kFloat32 && words[1] != kBfloat16) refuse(path, "its version is " + std::to_string(words[1]));
  const auto size = [&](std::size_t word, const char* name, Index largest) {
    if (words[word] < 1 || words[word] > largest)
      refuse(path,
             std::string(name) + " is " + std::to_string(words[word]) + ", not from 1 to " + std::to_string(largest));
    return Index{words[word]};
  };
  Header header{.shape = {.layers = size(4, "the number of layers", gpt::kMaxLayers),
                          .width = size(6, "the width", gpt::kMaxExtent),
                          .heads = size(5, "the number of heads", gpt::kMaxExtent),
                          .context = size(2, "the context", gpt::kMaxExtent),
                          .vocabulary = size(3, "the vocabulary", gpt::kMaxExtent)},
                .padded_vocabulary = size(7, "the padded vocabulary", gpt::kMaxExtent),
                .dtype = words[1] == kFloat32 ? "F32" : "BF16"};
  if (header.padded_vocabulary < header.shape.vocabulary) refuse(path, "its vocabulary is longer than the padded one");
  if (header.shape.width % header.shape.heads != 0) refuse(path, "its width is no multiple of its heads");
  return header;
}

}  // namespace

GptWeights read_llmc(const std::filesystem::path& path) {
  const RandomAccessFile file(path);
  std::array<std::byte, kHeaderBytes> begin{};
  if (file.size() < begin.size()) refuse(path, "it is shorter than the header of 1024 bytes");
  file.read(0, begin);
  const Header header = parse_header(path, begin);
  const GptShape& shape = header.shape;
  const std::size_t entry = header.dtype == "F32" ? 4 : 2;
  const Index padding = (header.padded_vocabulary - shape.vocabulary) * shape.width;
  const auto expected = kHeaderBytes + entry * static_cast<std::size_t>(parameter_count(shape) + padding);
  if (file.size() != expected)
    refuse(path, "it has " + std::to_string(file.size()) + " bytes, by its header " + std::to_string(expected));

  GptWeights weights{.shape = shape, .values = {}};
  weights.values.resize(static_cast<std::size_t>(parameter_count(shape)));
  std::map<std::string, std::span<float>> targets;
  for (const auto& parameter : weights.parameters()) targets[parameter.info.name] = parameter.value;
  std::uint64_t from = kHeaderBytes;
  std::vector<std::byte> tensor;
  for (const auto& name : names_in_order(shape.layers)) {
    const auto target = targets.at(name);
    tensor.resize(entry * target.size());
    file.read(from, tensor);
    for (std::size_t i = 0; i < target.size(); ++i) target[i] = gpt::value_at(header.dtype, tensor.data(), i);
    from += tensor.size();
    if (name == "wte.weight") from += entry * static_cast<std::size_t>(padding);
  }
  return weights;
}

}  // namespace normdescent
