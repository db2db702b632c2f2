// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/atomic_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "normdescent/base/user_error.hpp"
#include "support/file_size_limit.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

std::size_t entries_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

TEST(AtomicFile, CommitReplacesTheOldContent) {
  const test::TemporaryFolder folder;
  write_text_atomically(folder / "a.json", "old and longer");
  write_text_atomically(folder / "a.json", "new");
  EXPECT_EQ(read_text(folder / "a.json"), "new");
  EXPECT_EQ(entries_in(folder.path()), 1U);
}

TEST(AtomicFile, WithoutCommitTheOldContentStaysAndNothingIsLeftBeside) {
  const test::TemporaryFolder folder;
  write_text_atomically(folder / "a.json", "old");
  {
    AtomicFile file(folder / "a.json");
    file.write("half of the ne");
    EXPECT_EQ(read_text(folder / "a.json"), "old");
  }
  EXPECT_EQ(read_text(folder / "a.json"), "old");
  EXPECT_EQ(entries_in(folder.path()), 1U);
}

TEST(AtomicFile, FullDiskIsAUserErrorAndKeepsTheOldFile) {
  const test::TemporaryFolder folder;
  write_text_atomically(folder / "a.json", "old");
  try {
    const test::FileSizeLimit limit(4096);
    write_text_atomically(folder / "a.json", std::string(100'000, 'x'));
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find((folder / "a.json").string()), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find("space"), std::string::npos) << error.hint();
  }
  EXPECT_EQ(read_text(folder / "a.json"), "old");
  EXPECT_EQ(entries_in(folder.path()), 1U);
}

TEST(AtomicFile, UnwritableTargetIsAUserErrorWithPathAndHint) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "not a folder";
  try {
    write_text_atomically(folder / "file" / "a.json", "x");
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("a.json"), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(ReadText, MissingFileAndFolderAreUserErrors) {
  const test::TemporaryFolder folder;
  EXPECT_THROW((void)read_text(folder / "missing"), UserError);
  EXPECT_THROW((void)read_text(folder.path()), UserError);
}

}  // namespace
}  // namespace normdescent
