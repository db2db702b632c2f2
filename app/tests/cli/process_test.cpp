// SPDX-License-Identifier: Apache-2.0
// The program as a process of its own: signals, and folders that it may not write to.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contracts.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent::cli {
namespace {

constexpr uid_t kNobody = 65534;

/// The program, started; its standard error goes to a file.
class Process {
 public:
  Process(const Arguments& arguments, std::string log, bool as_nobody = false) : log_(std::move(log)) {
    std::vector<char*> argv;
    std::string program = NORMDESCENT_PROGRAM_FILE;
    if (as_nobody) {  // who may not look into root's own folder, where the build may be
      const std::string copy = log_ + ".program";
      std::filesystem::copy_file(program, copy, std::filesystem::copy_options::overwrite_existing);
      program = copy;
    }
    argv.push_back(program.data());
    Arguments copy = arguments;
    for (auto& argument : copy) argv.push_back(argument.data());
    argv.push_back(nullptr);
    child_ = fork();
    if (child_ != 0) return;
    const int file = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(file, STDERR_FILENO);
    dup2(file, STDOUT_FILENO);
    // Root may write anywhere, whatever the permissions say.
    if (as_nobody && geteuid() == 0 && setuid(kNobody) != 0) _exit(126);
    execv(argv[0], argv.data());
    _exit(127);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  void signal(int number) const { kill(child_, number); }
  /// Exit code, or minus the signal that ended it.
  int wait() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  [[nodiscard]] std::string log() const { return read_text(log_); }

 private:
  std::string log_;
  pid_t child_ = 0;
};

bool wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class ProcessTest : public testing::Test {
 protected:
  Arguments train(const std::string& steps) const {
    return {"train", "--data",  text_,  "--steps",          steps, "--context",          "8", "--batch",
            "1",     "--model", "nano", "--evaluate-every", "0",   "--checkpoint-every", "0", "--threads",
            "1"};
  }
  [[nodiscard]] std::int64_t lines_written() const {
    std::ifstream file(scratch_ / "run/metrics.jsonl");
    std::int64_t lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }
  Scratch scratch_;
  std::string text_ = scratch_.file("text.txt", sample_text());
};

TEST_F(ProcessTest, TermInterruptAndHangUpSaveACheckpointAndResumeGoesOnFromIt) {
  const Arguments whole = train("1000000");
  std::int64_t before = 0;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    Process process(
        before == 0 ? whole + Arguments{"--out", scratch_ / "run"} : Arguments{"train", "--resume", scratch_ / "run"},
        scratch_ / "log");
    ASSERT_TRUE(wait_until([&] { return lines_written() > before + 3; })) << process.log();
    process.signal(number);
    EXPECT_EQ(process.wait(), 1);
    EXPECT_TRUE(contains(process.log(), "stopping after the current step")) << process.log();
    EXPECT_TRUE(contains(process.log(), "--resume")) << process.log();
    if (before > 0) {
      EXPECT_TRUE(contains(process.log(), "continuing after step " + std::to_string(before))) << process.log();
    }
    before = lines_written();
    EXPECT_TRUE(std::filesystem::exists(scratch_ / ("run/checkpoint-" + std::to_string(before)))) << before;
  }
}

TEST_F(ProcessTest, AFolderThatMayNotBeWrittenToIsRefusedBeforeTraining) {
  namespace fs = std::filesystem;
  {
    Process process(train("2") + Arguments{"--out", scratch_ / "run"}, scratch_ / "log");
    ASSERT_EQ(process.wait(), 0) << process.log();
  }
  const auto closed = fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec;
  fs::permissions(scratch_ / "run", closed);
  for (const Arguments& arguments :
       {Arguments{"train", "--resume", scratch_ / "run"}, train("2") + Arguments{"--out", scratch_ / "run/new"}}) {
    Process process(arguments, scratch_ / "log", /*as_nobody=*/true);
    EXPECT_EQ(process.wait(), 2) << process.log();
    EXPECT_TRUE(contains(process.log(), "Permission denied")) << process.log();
    EXPECT_TRUE(contains(process.log(), scratch_ / "run")) << process.log();
  }
  fs::permissions(scratch_ / "run", fs::perms::owner_all);
  EXPECT_EQ(lines_written(), 2) << "nothing has changed";
}

/// Lines of metrics.jsonl without what a clock says.
std::vector<nlohmann::json> metrics_of(const std::filesystem::path& run_folder) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(run_folder / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("tokens_per_second");
  }
  return lines;
}

// NORMDESCENT_KILLS=200 does it so often.
TEST_F(ProcessTest, KilledAtAnyMomentTheRunFolderAloneContinuesIt) {
  namespace fs = std::filesystem;
  const char* const asked = std::getenv("NORMDESCENT_KILLS");
  const int kills_wanted = asked != nullptr ? std::atoi(asked) : 12;
  const Arguments command{"train",   "--data",           text_,   "--steps",
                          "40",      "--context",        "8",     "--batch",
                          "2",       "--model",          "nano",  "--optimizer",
                          "signsgd", "--learning-rate",  "0.002", "--seed",
                          "5",       "--evaluate-every", "10",    "--checkpoint-every",
                          "7",       "--threads",        "1"};
  const auto start = std::chrono::steady_clock::now();
  {
    Process whole(command + Arguments{"--out", scratch_ / "whole"}, scratch_ / "log");
    ASSERT_EQ(whole.wait(), 0) << whole.log();
  }
  const auto length = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  const fs::path run = scratch_ / "run";
  std::mt19937_64 random(11);
  int kills = 0;
  int before_first_checkpoint = 0;
  int after_first_checkpoint = 0;
  for (int ends = 0; kills < kills_wanted || ends == 0;) {
    const bool goes_on = fs::exists(run);
    Process process(goes_on ? Arguments{"train", "--resume", run.string()} : command + Arguments{"--out", run.string()},
                    scratch_ / "log");
    if (kills < kills_wanted) {  // a third of them before there can be a step
      const std::int64_t most = random() % 3 == 0 ? 30'000 : length.count();
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<std::int64_t>(random() % most)));
      process.signal(SIGKILL);
    }
    const int code = process.wait();
    if (code == -SIGKILL) {
      ++kills;
      const bool has_checkpoint =
          fs::exists(run) && std::any_of(fs::directory_iterator(run), fs::directory_iterator(), [](const auto& entry) {
            return entry.path().filename().string().starts_with("checkpoint-") && entry.path().extension().empty();
          });
      if (has_checkpoint) ++after_first_checkpoint;
      if (fs::exists(run) && !has_checkpoint) ++before_first_checkpoint;
      continue;
    }
    ASSERT_EQ(code, 0) << (goes_on ? "resumed: " : "begun: ") << process.log();
    ++ends;
    ASSERT_EQ(metrics_of(run), metrics_of(scratch_ / "whole"));
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      ASSERT_EQ(read_text(run / "checkpoint-40" / file), read_text(fs::path(scratch_ / "whole/checkpoint-40") / file))
          << file;
    fs::remove_all(run);
  }
  RecordProperty("kills_before_first_checkpoint", before_first_checkpoint);
  RecordProperty("kills_after_first_checkpoint", after_first_checkpoint);
  if (kills < 100) return;  // a few may all fall on one side
  EXPECT_GT(before_first_checkpoint, kills / 20) << "the kills missed what they are for";
  EXPECT_GT(after_first_checkpoint, kills / 20);
}

}  // namespace
}  // namespace normdescent::cli
