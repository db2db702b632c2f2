// SPDX-License-Identifier: Apache-2.0
// Weight files and their configuration.
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/io/safetensors.hpp"

namespace normdescent::fuzz {

void read_safetensors_file(std::string_view input) {
  let_read({{"state.safetensors", input}}, [&](const std::filesystem::path& folder) {
    const StateDict state = read_safetensors(folder / "state.safetensors");
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : state.tensors) bytes += tensor.bytes.size();
    if (bytes > input.size()) found("more data than the file has");
  });
}

/// config.json of a GPT-2.
void read_config(std::string_view input) {
  allow_user_error([&] {
    const GptShape shape = parse_config(std::string(input), "config.json");
    validate(shape);
    if (parameter_count(shape) < 1) found("a number of parameters that overflows");
  });
}

/// A folder of Hugging Face: config.json, then model.safetensors.
void read_hugging_face_folder(std::string_view input) {
  const auto config = take_part(input);
  let_read({{kConfigFile, config}, {kWeightsFile, input}}, [](const std::filesystem::path& folder) {
    const GptWeights weights = read_gpt_weights(folder);
    if (weights.values.size() != static_cast<std::size_t>(parameter_count(weights.shape))) found("weights are missing");
  });
}

/// A model file of llm.c.
void read_llmc_model(std::string_view input) {
  let_read({{"model.bin", input}}, [](const std::filesystem::path& folder) {
    const GptWeights weights = read_gpt_weights(folder / "model.bin");
    if (weights.values.size() != static_cast<std::size_t>(parameter_count(weights.shape))) found("weights are missing");
  });
}

}  // namespace normdescent::fuzz
