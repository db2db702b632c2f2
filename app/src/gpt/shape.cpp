// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/shape.hpp"

#include <array>
#include <stdexcept>
#include <vector>

#include "normdescent/base/nearest_name.hpp"

namespace normdescent {

void validate(const GptShape& shape) {
  const auto at_least_one = [](const char* field, Index value) {
    if (value < 1) throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be >= 1");
  };
  at_least_one("layers", shape.layers);
  at_least_one("width", shape.width);
  at_least_one("heads", shape.heads);
  at_least_one("context", shape.context);
  at_least_one("vocabulary", shape.vocabulary);
  if (shape.width % shape.heads != 0) {
    throw std::invalid_argument("width = " + std::to_string(shape.width) +
                                ", must be a multiple of heads = " + std::to_string(shape.heads));
  }
}

std::vector<ParameterInfo> gpt_parameters(const GptShape& shape) {
  const Index c = shape.width;
  std::vector<ParameterInfo> list{{"wte.weight", {shape.vocabulary, c}, Role::embedding},
                                  {"wpe.weight", {shape.context, c}, Role::embedding}};
  const auto norm = [&](const std::string& name) {
    list.push_back({name + ".weight", {c}, Role::vector});
    list.push_back({name + ".bias", {c}, Role::vector});
  };
  const auto dense = [&](const std::string& name, Index out, Index in) {
    list.push_back({name + ".weight", {out, in}, Role::matrix});
    list.push_back({name + ".bias", {out}, Role::vector});
  };
  for (Index i = 0; i < shape.layers; ++i) {
    const std::string layer = "h." + std::to_string(i) + ".";
    norm(layer + "ln_1");
    dense(layer + "attn.c_attn", 3 * c, c);
    dense(layer + "attn.c_proj", c, c);
    norm(layer + "ln_2");
    dense(layer + "mlp.c_fc", 4 * c, c);
    dense(layer + "mlp.c_proj", c, 4 * c);
  }
  norm("ln_f");
  if (!shape.tied) list.push_back({"lm_head.weight", {shape.vocabulary, c}, Role::head});
  return list;
}

std::span<const GptPreset> gpt_presets() {
  static const std::array<GptPreset, 3> kPresets{{
      {"nano", {.layers = 3, .width = 160, .heads = 5, .context = 64, .vocabulary = 256}},
      {"small", {.layers = 6, .width = 384, .heads = 6, .context = 256, .vocabulary = 256}},
      {"gpt2-124m", {.layers = 12, .width = 768, .heads = 12, .context = 1024, .vocabulary = 50257}},
  }};
  return kPresets;
}

const GptShape& gpt_preset(std::string_view name) {
  std::vector<std::string> names;
  for (const GptPreset& preset : gpt_presets()) {
    if (preset.name == name) return preset.shape;
    names.push_back(preset.name);
  }
  const auto nearest = nearest_name(name, names);
  throw std::invalid_argument("model = " + std::string(name) + ", must be nano, small or gpt2-124m" +
                              (nearest ? " (did you mean " + *nearest + "?)" : ""));
}

}  // namespace normdescent
