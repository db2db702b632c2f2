// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/output_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

class OutputFolder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) const { std::ofstream(folder_ / name) << content; }
  [[nodiscard]] bool is_output() const { return is_output_folder(folder_.path()); }

  test::TemporaryFolder folder_;
};

TEST_F(OutputFolder, IsTheOneWhoseDocumentNamesACommand) {
  EXPECT_FALSE(is_output());
  write("result.json", R"({"score": 3, "command_line": "other --data x"})");
  write("notes.json", R"({"command_line": "normdescent compare"})");
  EXPECT_FALSE(is_output()) << "a document of somebody else";
  write("result.json", R"({"charts": ["\"command_line\""], "command_line":"normdescent compare"})");
  EXPECT_TRUE(is_output());
  write("result.json", "{}");
  write("run.json", "{\n  \"command_line\": \"normdescent train --data x\"\n}\n");
  EXPECT_TRUE(is_output());
}

TEST_F(OutputFolder, HasShardsWithTheirManifestOrWeightsWithTheirConfiguration) {
  write("tokens.json", "{}");
  EXPECT_FALSE(is_output());
  write("train_000000.bin", "");
  EXPECT_TRUE(is_output());
  std::filesystem::remove(folder_ / "tokens.json");
  EXPECT_FALSE(is_output()) << "any folder may hold files called .bin";
  write("config.json", "{}");
  EXPECT_FALSE(is_output());
  write("model.safetensors", "");
  EXPECT_TRUE(is_output());
}

}  // namespace
}  // namespace normdescent
