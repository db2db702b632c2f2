// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/random_access_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <stdexcept>
#include <string>

#include "normdescent/base/user_error.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

class RandomAccess : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path write(const std::string& content) const {
    std::ofstream(folder_ / "file", std::ios::binary) << content;
    return folder_ / "file";
  }
  static std::string read(const RandomAccessFile& file, std::uint64_t offset, std::size_t bytes) {
    std::string text(bytes, '?');
    file.read(offset, std::as_writable_bytes(std::span(text)));
    return text;
  }
  template <class Action>
  static std::string message_of(const Action& action) {
    try {
      action();
    } catch (const UserError& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return "no UserError";
  }

  test::TemporaryFolder folder_;
};

TEST_F(RandomAccess, ReadsAnyPlace) {
  RandomAccessFile file(write("0123456789"));
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(read(file, 0, 10), "0123456789");
  EXPECT_EQ(read(file, 7, 3), "789");
  EXPECT_EQ(read(file, 10, 0), "");
  file.will_need(0, 10);
  const RandomAccessFile moved(std::move(file));
  EXPECT_EQ(read(moved, 3, 1), "3");
  EXPECT_THROW((void)read(moved, 8, 3), std::out_of_range);
  EXPECT_THROW((void)read(moved, ~std::uint64_t{0}, 2), std::out_of_range);
  EXPECT_EQ(RandomAccessFile(write("")).size(), 0U);
}

TEST_F(RandomAccess, AFileThatIsCutIsAMessageAndNoSignal) {
  const auto path = write(std::string(100'000, 'x'));
  const RandomAccessFile file(path);
  std::filesystem::resize_file(path, 10);
  EXPECT_EQ(read(file, 0, 10).size(), 10U) << "what is there is read";
  for (const std::uint64_t offset : {std::uint64_t{5}, std::uint64_t{90'000}}) {
    const std::string message = message_of([&] { (void)read(file, offset, 100); });
    EXPECT_NE(message.find("file' had 100000 bytes and was cut to 10 while"), std::string::npos) << message;
  }
}

TEST_F(RandomAccess, WhatIsNoFileIsRefusedAtOnce) {
  EXPECT_NE(message_of([&] { const RandomAccessFile none(folder_ / "none"); }).find("none"), std::string::npos);
  EXPECT_NE(message_of([&] { const RandomAccessFile none(folder_.path()); }).find("is not a file"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);  // nobody writes to it: waiting would never end
  const std::string message = message_of([&] { const RandomAccessFile none(folder_ / "pipe"); });
  EXPECT_NE(message.find("pipe or device"), std::string::npos) << message;
  EXPECT_NE(message.find("write it to a file first"), std::string::npos) << message;
}

}  // namespace
}  // namespace normdescent
