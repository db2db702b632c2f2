// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/checked_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "normdescent/base/user_error.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

class CheckedFolder : public testing::Test {
 protected:
  void write() {
    FolderWriter writer(target_);
    writer.add("a.bin", write_text_atomically(writer.file("a.bin"), "some text"));
    writer.add("b.txt", write_text_atomically(writer.file("b.txt"), ""));
    writer.commit();
  }
  void expect_defect(const std::string& text) const {
    const auto defect = find_defect(target_);
    ASSERT_TRUE(defect) << "expected: " << text;
    EXPECT_NE(defect->find(text), std::string::npos) << *defect;
  }
  static void replace(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  test::TemporaryFolder folder_;
  std::filesystem::path target_ = folder_ / "made";
};

TEST_F(CheckedFolder, IsSoundAsItWasWritten) {
  write();
  EXPECT_EQ(find_defect(target_), std::nullopt);
  EXPECT_EQ(read_text(target_ / "a.bin"), "some text");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "made.partial"));
}

TEST_F(CheckedFolder, EveryChangedByteOfEveryFileIsFound) {
  write();
  for (const char* name : {"a.bin", kChecksumFile}) {
    const std::string content = read_text(target_ / name);
    ASSERT_FALSE(content.empty());
    for (std::size_t at = 0; at < content.size(); ++at) {
      for (const unsigned flip : {1U, 0x20U, 0x80U, 0xFFU}) {
        std::string other = content;
        other[at] = static_cast<char>(static_cast<unsigned char>(other[at]) ^ flip);
        replace(target_ / name, other);
        EXPECT_TRUE(find_defect(target_)) << name << " byte " << at << " flip " << flip;
      }
    }
    replace(target_ / name, content);
    EXPECT_FALSE(find_defect(target_));
  }
}

TEST_F(CheckedFolder, EveryTruncationAndExtensionIsFound) {
  write();
  for (const char* name : {"a.bin", "b.txt", kChecksumFile}) {
    const std::string content = read_text(target_ / name);
    for (std::size_t length = 0; length < content.size(); ++length) {
      replace(target_ / name, content.substr(0, length));
      EXPECT_TRUE(find_defect(target_)) << name << " cut to " << length;
    }
    for (const char* more : {"\n", "x", "0 0 x\n"}) {
      replace(target_ / name, content + more);
      EXPECT_TRUE(find_defect(target_)) << name << " and " << more;
    }
    replace(target_ / name, content);
  }
}

TEST_F(CheckedFolder, DefectsAreNamed) {
  write();
  replace(target_ / "a.bin", "some texs");
  expect_defect("a.bin has changed");
  replace(target_ / "a.bin", "some");
  expect_defect("a.bin has 4 bytes instead of 9");
  std::filesystem::remove(target_ / "a.bin");
  expect_defect("a.bin is missing");
  replace(target_ / kChecksumFile, std::string(100'000, 'x'));
  expect_defect("checksums.txt is damaged");
  std::filesystem::remove(target_ / kChecksumFile);
  expect_defect("checksums.txt is missing");
}

TEST_F(CheckedFolder, NamesThatLeadOutOfTheFolderAreNotFollowed) {
  FolderWriter writer(target_);
  replace(folder_ / "outside", "secret");
  writer.add("../outside", {.bytes = 6, .crc = 0});
  writer.commit();
  expect_defect("checksums.txt is damaged");
}

TEST_F(CheckedFolder, WithoutCommitNothingIsLeft) {
  {
    const FolderWriter writer(target_);
    replace(writer.file("a.bin"), "half");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(CheckedFolder, WhatACrashLeftIsReplacedAndWhatIsCompleteIsNot) {
  std::filesystem::create_directories(folder_ / "made.partial" / "deep");
  write();
  EXPECT_EQ(find_defect(target_), std::nullopt);
  EXPECT_THROW(write(), UserError);
  EXPECT_EQ(find_defect(target_), std::nullopt);
}

}  // namespace
}  // namespace normdescent
