// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/json_lines.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/file_size_limit.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

TEST(JsonLines, EveryLineIsReadableAtOnce) {
  const test::TemporaryFolder folder;
  JsonLinesWriter lines(folder / "log.jsonl");
  lines.append(R"({"step":1})");
  EXPECT_EQ(read_text(folder / "log.jsonl"), "{\"step\":1}\n");
  lines.append(R"({"step":2})");
  EXPECT_EQ(read_text(folder / "log.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_EQ(lines.bytes(), 22U);
}

TEST(JsonLines, ContinuesAtThePositionAndDropsWhatCameAfter) {
  const test::TemporaryFolder folder;
  std::uint64_t position = 0;
  {
    JsonLinesWriter lines(folder / "log.jsonl");
    lines.append("1");
    position = lines.bytes();
    lines.append("2");
  }
  JsonLinesWriter lines(folder / "log.jsonl", position);
  lines.append("3");
  EXPECT_EQ(read_text(folder / "log.jsonl"), "1\n3\n");
}

TEST(JsonLines, RefusesALogThatIsShorterThanThePosition) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(JsonLinesWriter(folder / "log.jsonl", 10), UserError);
}

TEST(JsonLines, RefusesALineBreakInsideAnObject) {
  const test::TemporaryFolder folder;
  JsonLinesWriter lines(folder / "log.jsonl");
  EXPECT_THROW(lines.append("{\n}"), std::invalid_argument);
}

TEST(JsonLines, FullDiskIsAUserErrorAndKeepsWholeLinesOnly) {
  EXPECT_THROW(JsonLinesWriter("/dev/full").append("{}"), UserError);

  const test::TemporaryFolder folder;
  JsonLinesWriter lines(folder / "log.jsonl");
  const std::string line(3000, 'x');
  lines.append(line);
  {
    const test::FileSizeLimit limit(4096);  // the second line would fit by half
    EXPECT_THROW(lines.append(line), UserError);
  }
  EXPECT_EQ(read_text(folder / "log.jsonl"), line + "\n");
}

}  // namespace
}  // namespace normdescent
