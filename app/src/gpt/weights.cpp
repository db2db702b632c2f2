// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/weights.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include "normdescent/base/user_error.hpp"

namespace normdescent {

std::vector<Parameter> GptWeights::parameters() {
  std::vector<Parameter> list;
  std::size_t offset = 0;
  for (auto& info : gpt_parameters(shape)) {
    const auto size = static_cast<std::size_t>(info.size());
    list.push_back({std::move(info), std::span(values).subspan(offset, size), {}});
    offset += size;
  }
  return list;
}

GptWeights copy_weights(const GptShape& shape, std::span<const Parameter> from) {
  validate(shape);
  GptWeights weights{.shape = shape, .values = {}};
  const auto infos = gpt_parameters(shape);
  if (infos.size() != from.size()) {
    throw std::invalid_argument("weights: " + std::to_string(from.size()) + " tensors, must be the " +
                                std::to_string(infos.size()) + " of the shape");
  }
  weights.values.reserve(static_cast<std::size_t>(parameter_count(shape)));
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (from[i].info.name != infos[i].name || from[i].info.shape != infos[i].shape)
      throw std::invalid_argument("weights: tensor " + from[i].info.name + ", must be " + infos[i].name +
                                  " of the model's shape");
    weights.values.insert(weights.values.end(), from[i].value.begin(), from[i].value.end());
  }
  return weights;
}

void require_finite(GptWeights& weights, const std::filesystem::path& path) {
  for (const auto& parameter : weights.parameters()) {
    const auto wrong = std::ranges::count_if(parameter.value, [](float value) { return !std::isfinite(value); });
    if (wrong == 0) continue;
    throw UserError(path.string() + ": the tensor " + parameter.info.name + " is not finite: " + std::to_string(wrong) +
                        " of its " + std::to_string(parameter.value.size()) + " entries are NaN or infinite",
                    "the training that made it has diverged, or the file is damaged; take an earlier checkpoint");
  }
}

namespace {

/// torch.save's files, today's (zip) and those of before 1.6 (pickle).
bool is_pickle(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> begin{};
  file.read(begin.data(), begin.size());
  return std::string_view(begin.data(), begin.size()) == "PK\3\4" || begin[0] == '\x80';
}

GptWeights read_any_format(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error) && path.extension() != ".safetensors" && is_pickle(path)) {
    throw UserError(path.string() + " is a pickle of PyTorch, which can run any code and is not read",
                    "AutoModelForCausalLM.from_pretrained(X).save_pretrained(Y) of transformers makes a "
                    "model.safetensors of it");
  }
  if (path.extension() == ".bin") return read_llmc(path);
  if (path.extension() != ".safetensors" && !std::filesystem::is_directory(path, error))
    throw UserError(path.string() + " holds no weights that can be read",
                    "name a folder with config.json and model.safetensors, such a file, or llm.c's .bin");
  return read_hugging_face(path);
}

}  // namespace

GptWeights read_gpt_weights(const std::filesystem::path& path) {
  GptWeights weights = read_any_format(path);
  require_finite(weights, path);
  return weights;
}

}  // namespace normdescent
