// SPDX-License-Identifier: Apache-2.0
// config.json of transformers' GPT2Config.
#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/io/json_depth.hpp"
#include "weight_limits.hpp"

namespace normdescent {

namespace {

using Json = nlohmann::json;

class Config {
 public:
  Config(const std::string& text, const std::filesystem::path& path) : path_(path) {
    if (json_nests_too_deep(text)) refuse("it nests too deep");
    json_ = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json_.is_object()) refuse("it is not a JSON object");
  }

  [[noreturn]] void refuse(const std::string& defect) const {
    throw UserError(path_.string() + " is no configuration of a GPT-2 that can be read: " + defect,
                    "it must be transformers' GPT2Config with gelu_new (or gelu_pytorch_tanh) and layer_norm_epsilon 1e-5");
  }
  [[nodiscard]] Index size(const char* key, Index largest) const {
    const auto found = json_.find(key);
    if (found == json_.end()) refuse(std::string(key) + " is missing");
    if (!found->is_number_unsigned() || found->get<std::uint64_t>() < 1 ||
        found->get<std::uint64_t>() > static_cast<std::uint64_t>(largest))
      refuse(std::string(key) + " is " + found->dump() + ", no number from 1 to " + std::to_string(largest));
    return found->get<Index>();
  }
  /// A key that may be left out (null is left out) and otherwise must have this value.
  void require(const char* key, const Json& value) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null() || *found == value) return;
    refuse(std::string(key) + " is " + found->dump() + ", must be " + value.dump());
  }
  /// The same for names of one thing.
  void require(const char* key, std::initializer_list<const char*> names) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null() || std::ranges::find(names, *found) != names.end()) return;
    std::string known;
    for (const char* name : names) known += (known.empty() ? "" : ", ") + std::string(name);
    refuse(std::string(key) + " is " + found->dump() + ", must be one of " + known);
  }
  [[nodiscard]] bool flag(const char* key, bool absent) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return absent;
    if (!found->is_boolean()) refuse(std::string(key) + " is " + found->dump() + ", must be true or false");
    return found->get<bool>();
  }

 private:
  const std::filesystem::path& path_;
  Json json_;
};

}  // namespace

std::string to_config(const GptShape& shape) {
  const nlohmann::ordered_json json = {{"architectures", {"GPT2LMHeadModel"}},
                                       {"model_type", "gpt2"},
                                       {"n_layer", shape.layers},
                                       {"n_head", shape.heads},
                                       {"n_embd", shape.width},
                                       {"n_positions", shape.context},
                                       {"n_ctx", shape.context},
                                       {"n_inner", nullptr},
                                       {"vocab_size", shape.vocabulary},
                                       {"layer_norm_epsilon", gpt::kLayerNormEpsilon},
                                       {"activation_function", "gelu_new"},
                                       {"scale_attn_weights", true},
                                       {"attn_pdrop", 0.0},
                                       {"embd_pdrop", 0.0},
                                       {"resid_pdrop", 0.0},
                                       {"initializer_range", 0.02},
                                       {"tie_word_embeddings", shape.tied},
                                       {"torch_dtype", "float32"}};
  return json.dump(2) + "\n";
}

GptShape parse_config(const std::string& text, const std::filesystem::path& path) {
  const Config config(text, path);
  config.require("model_type", "gpt2");
  // Three names of one function, 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
  config.require("activation_function", {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"});
  config.require("layer_norm_epsilon", gpt::kLayerNormEpsilon);
  config.require("scale_attn_weights", true);
  config.require("scale_attn_by_inverse_layer_idx", false);
  config.require("add_cross_attention", false);
  const GptShape shape{.layers = config.size("n_layer", gpt::kMaxLayers),
                       .width = config.size("n_embd", gpt::kMaxExtent),
                       .heads = config.size("n_head", gpt::kMaxExtent),
                       .context = config.size("n_positions", gpt::kMaxExtent),
                       .vocabulary = config.size("vocab_size", gpt::kMaxExtent),
                       .tied = config.flag("tie_word_embeddings", true)};
  config.require("n_inner", 4 * shape.width);
  if (shape.width % shape.heads != 0) config.refuse("n_embd is no multiple of n_head");
  return shape;
}

}  // namespace normdescent
