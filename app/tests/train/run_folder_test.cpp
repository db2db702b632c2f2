// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/run_folder.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/file_size_limit.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

TEST(RunFolder, CreatesParentsAndTakesAnEmptyFolder) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(RunFolder::create(folder / "a" / "b").path(), folder / "a" / "b");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "a" / "b")) << "the trial write leaves nothing";
  EXPECT_NO_THROW(RunFolder::create(folder / "a" / "b"));
}

TEST(RunFolder, RefusesWhatIsInUse) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(RunFolder::create(folder.path()), UserError) << "not empty";
  EXPECT_THROW(RunFolder::create(folder / "file"), UserError) << "a file";
  EXPECT_THROW(RunFolder::create(folder / "file" / "inside"), UserError) << "below a file";
  EXPECT_THROW(RunFolder::create("/proc/normdescent"), UserError) << "not writable";
  EXPECT_THROW(RunFolder::open(folder / "missing"), UserError);
  EXPECT_NO_THROW(RunFolder::open(folder.path()));
}

std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "taken";
}

TEST(RunFolder, BelongsToOneProcessAtATimeAndAKilledOneHoldsNothing) {
  const test::TemporaryFolder folder;
  const auto path = folder / "run";
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const auto run = RunFolder::create(path, {{"run.json", "{}"}});
    (void)!::write(ends[1], "x", 1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  const std::string holder = "in use by process " + std::to_string(other) + " on ";
  EXPECT_NE(refusal_of([&] { (void)RunFolder::open(path); }).find(holder), std::string::npos);
  EXPECT_NE(refusal_of([&] { (void)RunFolder::create(path); }).find(holder), std::string::npos);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(path / kLockFile)) << "left behind, and locks nothing";
  {
    const auto taken = RunFolder::open(path);
    EXPECT_NE(refusal_of([&] { (void)RunFolder::open(path); }), "taken") << "nor twice by one process";
  }
  EXPECT_EQ(refusal_of([&] { (void)RunFolder::open(path); }), "taken");
  EXPECT_FALSE(std::filesystem::exists(path / kLockFile));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(RunFolder, ANewOneHasItsFirstFilesOrIsNotThere) {
  const test::TemporaryFolder folder;
  const auto path = folder / "a" / "run";
  // What a process leaves that is killed while it makes the folder.
  std::filesystem::create_directories(folder / "a" / "run.partial");
  std::ofstream(folder / "a" / "run.partial" / "half") << "x";
  const auto run = RunFolder::create(path, {{"run.json", "{}"}});
  EXPECT_EQ(read_text(path / "run.json"), "{}");
  EXPECT_FALSE(std::filesystem::exists(path / "half"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a" / "run.partial"));
  EXPECT_THROW(RunFolder::create(path, {{"run.json", "other"}}), UserError);
  run.abandon();
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::exists(folder / "a")) << "it was there before";
}

TEST(RunFolder, ResultIsReplacedAndSurvivesAFullDisk) {
  const test::TemporaryFolder folder;
  const auto run = RunFolder::create(folder / "run");
  run.write_result("{}");
  run.write_result(R"({"complete":false})");
  {
    const test::FileSizeLimit limit(100);
    EXPECT_THROW(run.write_result(std::string(1000, ' ')), UserError);
  }
  EXPECT_EQ(read_text(run.path() / "result.json"), R"({"complete":false})");
}

TEST(RunFolder, NamesRunsByContestantRateAndSeed) {
  const test::TemporaryFolder folder;
  const auto run = RunFolder::create(folder / "run");
  const auto path = run.race_run("signsgd", 0.0031622776601683795, 1101);
  EXPECT_EQ(path, folder / "run" / "runs" / "signsgd-lr0.003162-seed1101");
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

}  // namespace
}  // namespace normdescent
