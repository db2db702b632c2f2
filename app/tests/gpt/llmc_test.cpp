// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/weights.hpp"
#include "sample_weights.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

/// A model file as llm.c's train_gpt2.py writes it.
std::string llmc_file(GptWeights weights, bool is_bfloat16, Index padded) {
  const GptShape& s = weights.shape;
  std::array<std::int32_t, 256> header{20240326, is_bfloat16 ? 5 : 3};
  const std::array<Index, 6> sizes{s.context, s.vocabulary, s.layers, s.heads, s.width, padded};
  for (std::size_t i = 0; i < sizes.size(); ++i) header[i + 2] = static_cast<std::int32_t>(sizes[i]);
  std::string text(reinterpret_cast<const char*>(header.data()), sizeof header);
  const auto append = [&](float value) {
    const auto bits = to_bfloat16(value).bits;
    text.append(is_bfloat16 ? reinterpret_cast<const char*>(&bits) : reinterpret_cast<const char*>(&value),
                is_bfloat16 ? sizeof bits : sizeof value);
  };
  const auto all = weights.parameters();
  const auto append_all = [&](const std::string& ending) {
    for (const auto& p : all)
      if (p.info.name.ends_with(ending))
        for (const float value : p.value) append(value);
  };
  append_all("wte.weight");
  for (Index i = 0; i < (padded - s.vocabulary) * s.width; ++i) append(99.0F);
  append_all("wpe.weight");
  for (const char* kind :
       {"ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
        "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"})
    append_all(kind);
  append_all("ln_f.weight");
  append_all("ln_f.bias");
  return text;
}

class LlmC : public testing::Test {
 protected:
  [[nodiscard]] GptWeights read(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
    return read_gpt_weights(path_);
  }
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "gpt2_124M.bin";
  GptWeights weights_ = test::sample_weights();
};

TEST_F(LlmC, ReadsFloat32AndDropsThePadding) {
  const auto back = read(llmc_file(weights_, false, 32));
  EXPECT_EQ(back.shape, weights_.shape);
  EXPECT_EQ(back.values, weights_.values);
}

TEST_F(LlmC, ReadsBfloat16) {
  for (float& value : weights_.values) value = to_float(to_bfloat16(value));
  EXPECT_EQ(read(llmc_file(weights_, true, 23)).values, weights_.values);
}

TEST_F(LlmC, EveryDefectIsAUserError) {
  const std::string good = llmc_file(weights_, false, 32);
  EXPECT_NO_THROW((void)read(good));
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{3}, std::size_t{1023}, std::size_t{1024}, good.size() - 1})
    EXPECT_THROW((void)read(good.substr(0, length)), UserError) << length;
  EXPECT_THROW((void)read(good + "x"), UserError);
  // Each number of the header, made nonsense: sizes that overflow, negative ones, zero.
  for (std::size_t word = 0; word < 8; ++word) {
    for (const std::int32_t value : {0, -1, 1, 5'000'000, INT32_MAX}) {
      std::string bad = good;
      if (std::memcmp(bad.data() + 4 * word, &value, 4) == 0) continue;
      std::memcpy(bad.data() + 4 * word, &value, 4);
      // One head, or fewer words and more padding: the same file of another model.
      const bool is_another_model = value == 1 && (word == 3 || word == 5);
      if (is_another_model) continue;
      EXPECT_THROW((void)read(bad), UserError) << word << ' ' << value;
    }
  }
}

}  // namespace
}  // namespace normdescent
