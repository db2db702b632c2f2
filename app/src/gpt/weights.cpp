// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/weights.hpp"

#include <algorithm>
#include <stdexcept>

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

GptWeights read_gpt_weights(const std::filesystem::path& path) {
  if (path.extension() == ".bin") return read_llmc(path);
  std::error_code error;
  if (path.extension() != ".safetensors" && !std::filesystem::is_directory(path, error))
    throw UserError(path.string() + " holds no weights that can be read",
                    "name a folder with config.json and model.safetensors, such a file, or llm.c's .bin");
  return read_hugging_face(path);
}

}  // namespace normdescent
