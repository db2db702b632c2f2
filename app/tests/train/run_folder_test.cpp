// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/run_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

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
