// SPDX-License-Identifier: Apache-2.0
// The program as a process that tests may signal, and its ranks.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace normdescent::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class ProgramRun {
 public:
  /// Output goes to `logs`/out and err.
  ProgramRun(std::vector<std::string> command, std::filesystem::path logs) : logs_(std::move(logs)) {
    std::vector<char*> argv;
    for (auto& text : command) argv.push_back(text.data());
    argv.push_back(nullptr);
    const std::string out = logs_ / "out";
    const std::string err = logs_ / "err";
    process_ = ::fork();
    if (process_ != 0) return;
    if (std::freopen(out.c_str(), "w", stdout) == nullptr || std::freopen(err.c_str(), "w", stderr) == nullptr)
      ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ProgramRun(const ProgramRun&) = delete;
  ProgramRun& operator=(const ProgramRun&) = delete;
  ~ProgramRun() {
    if (code_) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  /// The exit code; -1 for a signal, -2 if it has not ended in time.
  int wait(std::chrono::seconds patience) {
    int status = 0;
    const bool has_ended = until(patience, [&] { return ::waitpid(process_, &status, WNOHANG) == process_; });
    if (!has_ended) return -2;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return *code_;
  }

  void signal(int number) const { ::kill(process_, number); }

  [[nodiscard]] std::string out() const { return read_file(logs_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(logs_ / "err"); }

  static bool until(std::chrono::seconds patience, const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

 private:
  std::filesystem::path logs_;
  pid_t process_ = -1;
  std::optional<int> code_;
};

}  // namespace normdescent::test
