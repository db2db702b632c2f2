// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/corpus.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "normdescent/base/user_error.hpp"

namespace normdescent {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test.
class CorpusTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "normdescent_corpus_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path write(const std::string& name, const std::string& content) const {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  fs::path root_;
};

std::string text(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

template <class F>
void expect_user_error(F&& call, const std::string& part) {
  try {
    call();
    ADD_FAILURE() << "no UserError; expected one with: " << part;
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(CorpusTest, SingleFileHoldsOutItsLastTenth) {
  const Corpus corpus = load_corpus(write("a.txt", "abcdefghijklmnopqrst"));
  EXPECT_EQ(text(corpus.training()), "abcdefghijklmnopqr");
  EXPECT_EQ(text(corpus.validation()), "st");
  EXPECT_EQ(corpus.info().files, 1);
  EXPECT_EQ(corpus.info().training_bytes, 18);
  EXPECT_EQ(corpus.info().validation_bytes, 2);
  EXPECT_EQ(corpus.info().content_hash.size(), 16U);
}

TEST_F(CorpusTest, EveryTenthFileOfAFolderInPathOrderIsValidation) {
  for (char c = 'a'; c <= 'u'; ++c) write(std::string("sub/") + c, std::string(2, c));
  const Corpus corpus = load_corpus(root_);
  EXPECT_EQ(text(corpus.validation()), "jjtt");
  EXPECT_EQ(text(corpus.training()), "aabbccddeeffgghhiikkllmmnnooppqqrrssuu");
  EXPECT_EQ(corpus.info().files, 21);
}

TEST_F(CorpusTest, FewFilesHoldOutTheLastTenthOfAllBytes) {
  write("b", "klmnopqrst");
  write("a", "abcdefghij");
  EXPECT_EQ(text(load_corpus(root_).validation()), "st");
}

TEST_F(CorpusTest, ACharacterIsNotCutInTwo) {
  std::string chinese;
  for (int i = 0; i < 7; ++i) chinese += "\u4e2d";  // 21 bytes; byte 19 is within the seventh character
  EXPECT_EQ(text(load_corpus(write("zh", chinese)).validation()), "\u4e2d");
  EXPECT_EQ(text(load_corpus(write("latin", std::string(20, '\xfc'))).validation()), "\xfc\xfc");
}

TEST_F(CorpusTest, OutputOfThisProgramWithinTheFolderIsNoText) {
  write("a.txt", "plain text, twenty b");
  write("runs/one/result.json", R"({"command_line": "normdescent compare"})");
  write("runs/one/report.html", "<html>");
  write("tokens/tokens.json", "{}");
  write("tokens/train_000000.bin", "no NUL here");
  write("tokens/tokenizer.tiktoken", "IQ== 0");
  write("other/result.json", "{}");
  const Corpus corpus = load_corpus(root_);
  EXPECT_EQ(corpus.info().files, 2);
  EXPECT_EQ(text(corpus.training()) + text(corpus.validation()), "plain text, twenty b{}");
  EXPECT_EQ(load_corpus(root_ / "runs" / "one").info().files, 2) << "a folder that is asked for by name is read";
}

TEST_F(CorpusTest, FolderSkipsBinaryEmptyAndHiddenFiles) {
  write("a.txt", "plain text, twenty b");
  write("b.bin", std::string("\x7f"
                             "ELF\0\0\0",
                             7));
  write("c.txt", "");
  write(".git/config", "hidden");
  const Corpus corpus = load_corpus(root_);
  EXPECT_EQ(corpus.info().files, 1);
  EXPECT_EQ(corpus.info().skipped_binary_files, 1);
  EXPECT_EQ(text(corpus.training()), "plain text, twenty");
}

TEST_F(CorpusTest, CapThinsAFolderTheSameWayWhereverItLies) {
  for (int i = 0; i < 40; ++i) {
    const std::string content(50, static_cast<char>('A' + i));
    write("one/" + std::to_string(i), content);
    write("two/" + std::to_string(i), content);
  }
  const Corpus one = load_corpus(root_ / "one", 1000);
  const Corpus two = load_corpus(root_ / "two", 1000);
  EXPECT_EQ(one.info().files, 20);
  EXPECT_EQ(one.info().files_beyond_cap, 20);
  EXPECT_EQ(one.info().content_hash, two.info().content_hash);
  EXPECT_EQ(text(one.training()), text(two.training()));

  // The choice is spread over the folder: not simply the first twenty in path order.
  std::set<std::string> names;
  for (int i = 0; i < 40; ++i) names.insert(std::to_string(i));
  std::string first_twenty;
  for (auto name = names.begin(); first_twenty.size() < 20; ++name) {
    first_twenty.push_back(static_cast<char>('A' + std::stoi(*name)));
  }
  const std::string all = text(one.training()) + text(one.validation());
  const bool is_prefix =
      std::all_of(first_twenty.begin(), first_twenty.end(), [&](char c) { return all.find(c) != std::string::npos; });
  EXPECT_FALSE(is_prefix);
}

TEST_F(CorpusTest, ContentHashSeesOneChangedByteAndTheSplit) {
  const std::string base(100, 'x');
  std::string changed = base;
  changed[42] = 'y';
  const std::string hash = load_corpus(write("a", base)).info().content_hash;
  EXPECT_EQ(hash, load_corpus(write("b", base)).info().content_hash);
  EXPECT_NE(hash, load_corpus(write("c", changed)).info().content_hash);
  EXPECT_NE(hash,
            Corpus("d", std::vector<std::uint8_t>(80, 'x'), std::vector<std::uint8_t>(20, 'x')).info().content_hash);
}

TEST_F(CorpusTest, LatinOneAndUtf8AreText) {
  EXPECT_NO_THROW((void)load_corpus(write("utf8", "gr\xc3\xbc\xc3\x9f dich, vieltausendmal")));
  EXPECT_NO_THROW((void)load_corpus(write("latin", "gr\xfc\xdf dich, vieltausendmal")));
}

TEST_F(CorpusTest, SystemHeadersAreChosenByExtensionOrByFolder) {
  write("a.h", "header number one...");
  write("b.hpp", "header number two...");
  write("readme.txt", "no header at all....");
  write("c++/12/vector", "the extensionless one");
  write("other/vector", "not one of libstdc++");
  EXPECT_EQ(load_system_headers(root_).info().files, 3);
}

TEST_F(CorpusTest, SystemHeadersOfThisMachineMakeACorpus) {
  if (!fs::is_directory("/usr/include")) GTEST_SKIP() << "no /usr/include here";
  const Corpus corpus = load_system_headers();
  EXPECT_LE(corpus.info().training_bytes + corpus.info().validation_bytes, kSystemHeaderBytes);
  EXPECT_NO_THROW(corpus.require_window(1024));
}

TEST_F(CorpusTest, MissingPathIsRefused) {
  expect_user_error([&] { (void)load_corpus(root_ / "nothing"); }, "does not exist");
  expect_user_error([&] { (void)load_system_headers(root_ / "nothing"); }, "no system headers");
}

TEST_F(CorpusTest, EmptyFileIsRefused) {
  expect_user_error([&] { (void)load_corpus(write("a", "")); }, "is empty");
}

TEST_F(CorpusTest, BinaryFileIsRefused) {
  expect_user_error([&] { (void)load_corpus(write("nul", std::string("text\0text", 9))); },
                    "is not text: it holds NUL bytes");
  std::string control;
  for (int i = 0; i < 1000; ++i) control.push_back(static_cast<char>(1 + i % 255));
  expect_user_error([&] { (void)load_corpus(write("control", control)); }, "is not text: it holds control bytes");
}

TEST_F(CorpusTest, FolderWithoutTextIsRefused) {
  expect_user_error([&] { (void)load_corpus(root_); }, "no text files");
  write("a.bin", std::string(10, '\0'));
  expect_user_error([&] { (void)load_corpus(root_); }, "1 binary files skipped; a.bin: it holds NUL bytes");
}

TEST_F(CorpusTest, FileAboveTheCapIsRefused) {
  expect_user_error([&] { (void)load_corpus(write("a", std::string(101, 'x')), 100); }, "has 101 bytes");
}

TEST_F(CorpusTest, PathThatIsNoFileIsRefused) {
  const fs::path pipe = root_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_user_error([&] { (void)load_corpus(pipe); }, "neither a file nor a folder but a pipe");
  try {
    (void)load_corpus(pipe);
  } catch (const UserError& error) {
    EXPECT_NE(error.hint().find("write it to a file first"), std::string::npos) << error.hint();
  }
}

TEST_F(CorpusTest, UnreadableFileIsRefused) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const fs::path path = write("a", "secret");
  fs::permissions(path, fs::perms::none);
  expect_user_error([&] { (void)load_corpus(path); }, "cannot read");
}

TEST_F(CorpusTest, ReadErrorIsReported) {
  const fs::path write_only = "/sys/bus/cpu/uevent";
  if (!fs::exists(write_only)) GTEST_SKIP() << "no write-only file of the kernel here";
  expect_user_error([&] { (void)load_corpus(write_only); }, "cannot read");
}

TEST_F(CorpusTest, BothPartsNeedOneWindow) {
  const Corpus corpus = load_corpus(write("a", std::string(100, 'x')));  // 90 and 10 bytes
  EXPECT_NO_THROW(corpus.require_window(9));
  expect_user_error([&] { corpus.require_window(10); }, "validation part has 10 bytes");
  expect_user_error([&] { corpus.require_window(90); }, "training part has 90 bytes");
}

}  // namespace
}  // namespace normdescent
