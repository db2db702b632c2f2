// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/shape.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace normdescent {
namespace {

Index total_size(const GptShape& shape) {
  Index total = 0;
  for (const ParameterInfo& info : gpt_parameters(shape)) total += info.size();
  return total;
}

TEST(GptShape, PresetsHaveTheirPublishedSizes) {
  EXPECT_EQ(parameter_count(gpt_preset("gpt2-124m")), 124'439'808);
  EXPECT_EQ(parameter_count(gpt_preset("nano")), 979'360);
  EXPECT_EQ(parameter_count(gpt_preset("small")), 10'844'160);
}

TEST(GptShape, FormulaCountsTheListedParameters) {
  for (const GptPreset& preset : gpt_presets()) {
    GptShape shape = preset.shape;
    EXPECT_EQ(total_size(shape), parameter_count(shape)) << preset.name;
    shape.tied = false;
    EXPECT_EQ(total_size(shape), parameter_count(shape)) << preset.name;
    EXPECT_EQ(parameter_count(shape) - parameter_count(preset.shape), shape.vocabulary * shape.width);
  }
}

TEST(GptShape, UnknownPresetNamesTheNearest) {
  try {
    (void)gpt_preset("nanno");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "model = nanno, must be nano, small or gpt2-124m (did you mean nano?)");
  }
}

TEST(GptShape, ImpossibleShapesAreRefused) {
  EXPECT_THROW(validate({.layers = 0}), std::invalid_argument);
  EXPECT_THROW(validate({.width = 0}), std::invalid_argument);
  EXPECT_THROW(validate({.heads = 0}), std::invalid_argument);
  EXPECT_THROW(validate({.context = 0}), std::invalid_argument);
  EXPECT_THROW(validate({.vocabulary = 0}), std::invalid_argument);
  EXPECT_THROW(validate({.width = 160, .heads = 7}), std::invalid_argument);
  EXPECT_NO_THROW(validate({}));
}

}  // namespace
}  // namespace normdescent
