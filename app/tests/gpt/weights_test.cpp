// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/weights.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/objective.hpp"
#include "normdescent/io/safetensors.hpp"
#include "reference_forward.hpp"
#include "sample_weights.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no UserError";
}

class WeightFiles : public testing::Test {
 protected:
  /// Writes the sample, lets `change` at the tensors and writes them again.
  void rewrite(const std::function<void(StateDict&)>& change) {
    write_hugging_face(folder_.path(), weights_);
    StateDict file = read_safetensors(weights_file());
    change(file);
    write_safetensors(weights_file(), file);
  }
  void rewrite_config(const char* key, const Json& value) {
    write_hugging_face(folder_.path(), weights_);
    Json json = Json::parse(read_text(folder_ / kConfigFile));
    json[key] = value;
    write_text_atomically(folder_ / kConfigFile, json.dump());
  }
  [[nodiscard]] GptWeights read() const { return read_gpt_weights(folder_.path()); }
  [[nodiscard]] std::filesystem::path weights_file() const { return folder_ / kWeightsFile; }

  test::TemporaryFolder folder_;
  GptWeights weights_ = test::sample_weights();
};

using HuggingFace = WeightFiles;

TEST_F(HuggingFace, RoundTripIsBitEqual) {
  for (const bool tied : {true, false}) {
    const auto weights = test::sample_weights(tied);
    write_hugging_face(folder_.path(), weights);
    const auto back = read();
    EXPECT_EQ(back.shape, weights.shape);
    EXPECT_EQ(back.values, weights.values);
    EXPECT_EQ(read_gpt_weights(weights_file()).values, weights.values) << "the file alone";
  }
}

TEST_F(HuggingFace, KernelComputesWhatTransformersFormulasSayOfTheFile) {
  write_hugging_face(folder_.path(), weights_);
  const StateDict file = read_safetensors(weights_file());
  const std::vector<std::int64_t> window{3, 1, 22, 7, 7, 0, 15, 4, 9};
  const auto logits = test::ReferenceForward(file, weights_.shape).logits({window.begin(), window.end() - 1});
  double expected = 0.0;
  for (std::size_t t = 0; t < logits.size(); ++t) {
    double total = 0.0;
    for (const double logit : logits[t]) total += std::exp(logit);
    expected += (std::log(total) - logits[t][static_cast<std::size_t>(window[t + 1])]) / 8.0;
  }
  GptData data{
      .context = 8,
      .training_windows = [&](const Batch&, std::span<std::int64_t> out) { std::ranges::copy(window, out.begin()); },
      .validation_windows = std::make_shared<const std::vector<std::int64_t>>(window)};
  const auto objective = make_gpt_objective(weights_.shape, Precision::float32, std::move(data), 1);
  const auto read_weights = read();
  std::size_t offset = 0;
  for (const auto& p : objective->parameters()) {
    std::copy_n(read_weights.values.begin() + static_cast<std::ptrdiff_t>(offset), p.value.size(), p.value.begin());
    offset += p.value.size();
  }
  // float32 arithmetic of sums of up to 48 terms of size one: 48 eps, and as much again for depth.
  EXPECT_NEAR(objective->loss({}), expected, 1e-5);
}

TEST_F(HuggingFace, NamesAndLayoutsAreThoseOfTransformers) {
  write_hugging_face(folder_.path(), weights_);
  const StateDict file = read_safetensors(weights_file());
  EXPECT_EQ(file.metadata.at("format"), "pt");
  EXPECT_EQ(file.tensors.size(), 2U + 12U * 2U + 2U);
  EXPECT_EQ(file.tensors.at("transformer.h.1.attn.c_attn.weight").shape, (std::vector<Index>{12, 36}));
  EXPECT_EQ(file.tensors.at("transformer.h.1.mlp.c_fc.weight").shape, (std::vector<Index>{12, 48}));
  EXPECT_EQ(file.tensors.at("transformer.h.1.mlp.c_proj.weight").shape, (std::vector<Index>{48, 12}));
  EXPECT_EQ(file.tensors.count("lm_head.weight"), 0U);
  const Json config = Json::parse(read_text(folder_ / kConfigFile));
  EXPECT_EQ(config["architectures"], Json({"GPT2LMHeadModel"}));
  EXPECT_EQ(config["activation_function"], "gelu_new");
  EXPECT_EQ(config["n_embd"], 12);
}

TEST_F(HuggingFace, ReadsWhatTheHubHolds) {
  rewrite([](StateDict& file) {
    StateDict bare;
    for (auto& [name, tensor] : file.tensors) bare.tensors[name.substr(std::string("transformer.").size())] = tensor;
    bare.tensors["h.0.attn.bias"] = {.dtype = "U8", .shape = {1, 1, 2, 2}, .bytes = std::vector<std::byte>(4)};
    bare.tensors["h.0.attn.masked_bias"] = {.dtype = "F32", .shape = {}, .bytes = std::vector<std::byte>(4)};
    bare.tensors["lm_head.weight"] = bare.tensors["wte.weight"];
    file = bare;
  });
  EXPECT_EQ(read().values, weights_.values);
}

TEST_F(HuggingFace, ReadsHalfPrecisionExactly) {
  for (const char* dtype : {"BF16", "F16"}) {
    // 1.5, -2, the smallest subnormal half and zero are exact in F16; BF16 keeps the upper half of a float.
    const std::vector<float> exact{1.5F, -2.0F, dtype[0] == 'B' ? 0.25F : 0x1p-24F, 0.0F};
    const std::vector<std::uint16_t> halves{0x3E00, 0xC000, 0x0001, 0x0000};
    for (std::size_t i = 0; i < weights_.values.size(); ++i) weights_.values[i] = exact[i % 4];
    rewrite([&](StateDict& file) {
      for (auto& [name, tensor] : file.tensors) {
        std::vector<std::byte> packed(tensor.bytes.size() / 2);
        for (std::size_t i = 0; i < packed.size() / 2; ++i) {
          float value = 0.0F;
          std::memcpy(&value, tensor.bytes.data() + 4 * i, 4);
          const auto at = static_cast<std::size_t>(std::ranges::find(exact, value) - exact.begin());
          const std::uint16_t bits = dtype[0] == 'B' ? to_bfloat16(value).bits : halves.at(at);
          std::memcpy(packed.data() + 2 * i, &bits, 2);
        }
        tensor = {.dtype = dtype, .shape = tensor.shape, .bytes = packed};
      }
    });
    EXPECT_EQ(read().values, weights_.values) << dtype;
  }
}

TEST_F(HuggingFace, EveryDefectIsOneUserErrorThatNamesIt) {
  const std::string c_fc = "transformer.h.0.mlp.c_fc.weight";
  rewrite([&](StateDict& file) { file.tensors.erase(c_fc); });
  EXPECT_NE(message_of([&] { (void)read(); }).find("no tensor h.0.mlp.c_fc.weight"), std::string::npos);
  rewrite([&](StateDict& file) { std::swap(file.tensors[c_fc].shape[0], file.tensors[c_fc].shape[1]); });
  EXPECT_NE(message_of([&] { (void)read(); }).find("(48, 12), not (12, 48)"), std::string::npos);
  rewrite([&](StateDict& file) { file.tensors[c_fc].dtype = "I32"; });
  EXPECT_NE(message_of([&] { (void)read(); }).find("stored as I32"), std::string::npos);
  rewrite([&](StateDict& file) { file.tensors["h.0.mlp.c_fc.weight"] = file.tensors[c_fc]; });
  EXPECT_NE(message_of([&] { (void)read(); }).find("twice"), std::string::npos);
  rewrite([&](StateDict& file) { file.tensors["h.7.x"] = file.tensors["transformer.ln_f.bias"]; });
  EXPECT_NE(message_of([&] { (void)read(); }).find("h.7.x"), std::string::npos);
  rewrite([&](StateDict& file) {
    file.tensors["lm_head.weight"] = file.tensors["transformer.wte.weight"];
    file.tensors["lm_head.weight"].bytes[0] ^= std::byte{1};
  });
  EXPECT_NE(message_of([&] { (void)read(); }).find("lm_head.weight"), std::string::npos);
  std::filesystem::remove(weights_file());
  EXPECT_NE(message_of([&] { (void)read(); }).find("model.safetensors"), std::string::npos);
}

TEST_F(HuggingFace, ReadsNamesThatWrappersChanged) {
  for (const char* prefix : {"_orig_mod.", "module.", "module._orig_mod.", "_fsdp_wrapped_module."}) {
    rewrite([&](StateDict& file) {
      StateDict wrapped;
      for (auto& [name, tensor] : file.tensors) wrapped.tensors[prefix + name] = tensor;
      wrapped.tensors[std::string(prefix) + "transformer.h.0.attn.bias"] = {
          .dtype = "U8", .shape = {1}, .bytes = std::vector<std::byte>(1)};
      file = wrapped;
    });
    EXPECT_EQ(read().values, weights_.values) << prefix;
  }
  rewrite([&](StateDict& file) {  // compiled or sharded block by block
    StateDict wrapped;
    for (auto& [name, tensor] : file.tensors) {
      std::string changed = name;
      const std::size_t at = changed.find("h.1.");
      if (at != std::string::npos) changed.insert(at + 4, at % 2 == 0 ? "_orig_mod." : "_fsdp_wrapped_module.");
      wrapped.tensors[changed] = tensor;
    }
    file = wrapped;
  });
  EXPECT_EQ(read().values, weights_.values);
  rewrite([&](StateDict& file) { file.tensors["module.transformer.wte.weight"] = file.tensors["transformer.wte.weight"]; });
  const std::string message = message_of([&] { (void)read(); });
  EXPECT_NE(message.find("wte.weight twice, as module.transformer.wte.weight and as transformer.wte.weight"),
            std::string::npos)
      << message;
}

TEST_F(HuggingFace, OfTwoTiedTensorsEitherIsEnough) {
  const auto keep_head = [](StateDict& file) {
    file.tensors["lm_head.weight"] = file.tensors["transformer.wte.weight"];
    file.tensors.erase("transformer.wte.weight");
  };
  rewrite(keep_head);
  EXPECT_EQ(read().values, weights_.values);
  weights_ = test::sample_weights(/*tied=*/false);  // here the head is another tensor
  rewrite(keep_head);
  const std::string message = message_of([&] { (void)read(); });
  EXPECT_NE(message.find("no tensor wte.weight"), std::string::npos) << message;
}

TEST_F(HuggingFace, SaysWhatElseTheFolderHolds) {
  write_hugging_face(folder_.path(), weights_);
  write_text_atomically(folder_ / "model.safetensors.index.json", "{}");
  write_text_atomically(folder_ / "pytorch_model.bin", "PK\3\4");
  EXPECT_EQ(read().values, weights_.values) << "the whole file counts, as for transformers";
  std::filesystem::remove(weights_file());
  EXPECT_NE(message_of([&] { (void)read(); }).find("several files (model.safetensors.index.json)"), std::string::npos);
  std::filesystem::remove(folder_ / "model.safetensors.index.json");
  EXPECT_NE(message_of([&] { (void)read(); }).find("pytorch_model.bin, a pickle of PyTorch"), std::string::npos);
  for (const char* begin : {"PK\3\4", "\x80\2cx"}) {
    write_text_atomically(folder_ / "pytorch_model.bin", begin);
    const std::string message = message_of([&] { (void)read_gpt_weights(folder_ / "pytorch_model.bin"); });
    EXPECT_NE(message.find("is a pickle of PyTorch"), std::string::npos) << message;
  }
}

TEST_F(HuggingFace, RefusesWhatIsNotFiniteByName) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    auto broken = weights_;
    for (const auto& parameter : broken.parameters()) {
      if (parameter.info.name == "h.1.mlp.c_fc.bias") parameter.value[3] = parameter.value[7] = bad;
    }
    write_hugging_face(folder_.path(), broken);
    const std::string message = message_of([&] { (void)read(); });
    EXPECT_NE(message.find("h.1.mlp.c_fc.bias is not finite: 2 of its 48 entries"), std::string::npos) << message;
    EXPECT_NE(message.find(folder_.path().string()), std::string::npos) << message;
  }
}

TEST_F(HuggingFace, TakesEveryNameOfItsActivation) {
  for (const char* name : {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"}) {
    rewrite_config("activation_function", name);
    EXPECT_EQ(read().values, weights_.values) << name;
  }
  for (const Json& other : {Json("gelu"), Json("relu"), Json(3), Json::array()}) {
    rewrite_config("activation_function", other);
    const std::string message = message_of([&] { (void)read(); });
    EXPECT_NE(message.find("activation_function is " + other.dump() + ", must be one of gelu_new"), std::string::npos)
        << message;
  }
}

TEST_F(HuggingFace, RefusesConfigurationsOfAnotherFunction) {
  const std::vector<std::pair<const char*, Json>> wrong{{"activation_function", "gelu"},
                                                        {"layer_norm_epsilon", 1e-6},
                                                        {"n_head", 5},
                                                        {"n_embd", -12},
                                                        {"n_layer", 1e300},
                                                        {"vocab_size", "many"},
                                                        {"n_positions", 0},
                                                        {"n_inner", 17},
                                                        {"model_type", "llama"},
                                                        {"scale_attn_weights", false},
                                                        {"tie_word_embeddings", 3}};
  for (const auto& [key, value] : wrong) {
    rewrite_config(key, value);
    EXPECT_NE(message_of([&] { (void)read(); }).find("config.json"), std::string::npos) << key;
  }
  rewrite_config("n_positions", 17);  // not that of the weights
  EXPECT_NE(message_of([&] { (void)read(); }).find("wpe.weight"), std::string::npos);
  write_text_atomically(folder_ / kConfigFile, "[");
  EXPECT_NE(message_of([&] { (void)read(); }).find("not a JSON object"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
