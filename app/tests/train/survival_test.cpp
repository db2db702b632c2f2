// SPDX-License-Identifier: Apache-2.0
// A run that is killed at any moment, again and again, ends as if nothing had happened.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "normdescent/base/philox.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/temporary_folder.hpp"
#include "survival_run.hpp"

namespace normdescent {
namespace {

/// The victim in a process of its own.
class Victim {
 public:
  Victim(const std::filesystem::path& folder, const char* background) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execl(NORMDESCENT_SURVIVAL_VICTIM, "victim", folder.c_str(), background, nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    char byte = 0;
    has_begun_ = ::read(ends[0], &byte, 1) == 1;
    ::close(ends[0]);
  }
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  /// True if the kill came before the end; otherwise the exit code is in `code`.
  bool kill(int& code) const {
    ::kill(process_, SIGKILL);
    int status = 0;
    ::waitpid(process_, &status, 0);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return WIFSIGNALED(status);
  }

 private:
  pid_t process_ = -1;
  bool has_begun_ = false;
};

std::vector<nlohmann::json> metrics_of(const std::filesystem::path& run_folder) {
  std::vector<nlohmann::json> lines;
  if (!std::filesystem::exists(run_folder / kMetricsFile)) return lines;
  std::istringstream text(read_text(run_folder / kMetricsFile));
  for (std::string line; std::getline(text, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("tokens_per_second");
  }
  return lines;
}

std::int64_t step_of(const std::filesystem::path& checkpoint) {
  return std::stoll(checkpoint.filename().string().substr(std::string("checkpoint-").size()));
}

class Survival : public testing::TestWithParam<const char*> {};

TEST_P(Survival, KilledAHundredTimesAtAnyMomentItEndsAsIfNothingHadHappened) {
  constexpr int kKills = 100;
  const bool in_background = std::string(GetParam()) == "always";
  // In the background, what was trained during a write is lost with it, and a write ends before the next begins.
  const std::int64_t lost_at_most = in_background ? 20 : 10;
  const test::TemporaryFolder folder;
  const auto whole = folder / "whole";
  const auto parts = folder / "parts";
  TrainerObserver nobody;
  train(test::survival_problem(), test::survival_optimizer(), test::survival_options(BackgroundWrites::never),
        RunFolder::create(whole), nobody);
  const auto end = std::filesystem::path("checkpoint-100");

  Philox random(17, 4);
  int kills = 0;
  int ends = 0;
  int in_writes = 0;
  std::int64_t seen = 0;  // step of the newest checkpoint after the kill before
  while (kills < kKills || ends == 0) {
    const Victim victim(parts, GetParam());
    ASSERT_TRUE(victim.has_begun());
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(40'000)));
    int code = 0;
    if (victim.kill(code)) {
      ++kills;
      in_writes +=
          std::filesystem::exists(parts) &&
                  std::any_of(std::filesystem::directory_iterator(parts), std::filesystem::directory_iterator(),
                              [](const auto& entry) { return entry.path().extension() == ".partial"; })
              ? 1
              : 0;
      const auto search = find_checkpoint(parts);
      ASSERT_TRUE(search.damaged.empty()) << search.damaged.front().folder << search.damaged.front().defect;
      const std::int64_t saved = search.newest ? step_of(*search.newest) : 0;
      EXPECT_GE(saved, seen) << "a checkpoint that was complete is gone";
      seen = saved;
      const auto lines = metrics_of(parts);
      const std::int64_t trained = lines.empty() ? 0 : lines.back()["step"].get<std::int64_t>();
      EXPECT_LE(trained - saved, lost_at_most);
      continue;
    }
    ASSERT_EQ(code, 0);
    ++ends;
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      EXPECT_EQ(read_text(parts / end / file), read_text(whole / end / file)) << file;
    EXPECT_EQ(metrics_of(parts), metrics_of(whole));
    std::filesystem::remove_all(parts);
    seen = 0;
  }
  RecordProperty("ends", ends);
  RecordProperty("kills_in_writes", in_writes);
  EXPECT_GT(in_writes, kKills / 20) << "the kills missed what they are for";
}
INSTANTIATE_TEST_SUITE_P(Writes, Survival, testing::Values("never", "always"));

}  // namespace
}  // namespace normdescent
