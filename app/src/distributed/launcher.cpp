// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/launcher.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "normdescent/base/user_error.hpp"
#include "normdescent/distributed/c10d_group.hpp"

namespace normdescent {

namespace {

constexpr const char* kThisProgram = "/proc/self/exe";
constexpr int kNotStarted = 127;

/// This process's variables and those that say who a rank is.
std::vector<std::string> variables_of(int rank, int size, std::uint16_t port) {
  const auto set = [](const char* name, const auto& value) { return std::string(name) + "=" + value; };
  std::vector<std::string> variables = {set("RANK", std::to_string(rank)),
                                        set("WORLD_SIZE", std::to_string(size)),
                                        set("LOCAL_RANK", std::to_string(rank)),
                                        set("LOCAL_WORLD_SIZE", std::to_string(size)),
                                        set("MASTER_ADDR", "127.0.0.1"),
                                        set("MASTER_PORT", std::to_string(port)),
                                        set("TORCHELASTIC_USE_AGENT_STORE", "True")};
  const std::size_t own = variables.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string prefix = text.substr(0, text.find('=') + 1);
    bool is_replaced = false;
    for (std::size_t i = 0; i < own; ++i) is_replaced = is_replaced || variables[i].starts_with(prefix);
    if (!is_replaced) variables.push_back(text);
  }
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t start(const LaunchOptions& options, int rank, std::uint16_t port) {
  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), "normdescent");
  auto variables = variables_of(rank, options.processes, port);
  const auto argv = pointers_to(arguments);
  const auto envp = pointers_to(variables);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) {
    if (child > 0) return child;
    throw UserError(std::string("could not start a process: ") + std::strerror(errno));
  }
  // Between fork and exec only what a signal handler might call: the parent has other threads.
  setpgid(0, 0);  // Ctrl-C reaches the parent alone, which passes it on once
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  if (rank > 0) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0) _exit(1);
  }
  execve(kThisProgram, argv.data(), envp.data());
  _exit(kNotStarted);
}

std::string describe_end(int rank, int status) {
  const std::string who = "rank " + std::to_string(rank);
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return who + " was ended by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return WEXITSTATUS(status) == kNotStarted ? who + " could not be started" : "";
}

/// The processes that still run.
class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    signal(SIGKILL);
    for (const pid_t process : processes_) {
      if (process > 0) waitpid(process, nullptr, 0);
    }
  }

  void add(pid_t process) { processes_.push_back(process); }
  void signal(int number) const {
    for (const pid_t process : processes_) {
      if (process > 0) kill(process, number);
    }
  }
  [[nodiscard]] bool empty() const {
    for (const pid_t process : processes_) {
      if (process > 0) return false;
    }
    return true;
  }
  /// Calls `on_end(rank, status)` for those that have ended since the last call.
  template <class OnEnd>
  void collect(const OnEnd& on_end) {
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      int status = 0;
      if (processes_[rank] <= 0 || waitpid(processes_[rank], &status, WNOHANG) != processes_[rank]) continue;
      processes_[rank] = 0;
      on_end(static_cast<int>(rank), status);
    }
  }

 private:
  std::vector<pid_t> processes_;
};

}  // namespace

LaunchReport launch_processes(const LaunchOptions& options, const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPause = std::chrono::milliseconds(20);
  const auto meeting_point = open_meeting_point();
  Children children;
  for (int rank = 0; rank < options.processes; ++rank) {
    const pid_t child = start(options, rank, meeting_point->port());
    children.add(child);
    options.on_start(rank, child);
  }

  LaunchReport report;
  Clock::time_point failed_at{};
  bool has_passed_on = false;
  bool has_killed = false;
  while (!children.empty()) {
    children.collect([&](int rank, int status) {
      const bool is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      if (has_killed)
        report.reason += (report.reason.empty() ? "rank " : "; rank ") + std::to_string(rank) + " hung and was ended";
      if (is_well || report.failed_rank >= 0) return;
      report = {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1,
                .failed_rank = rank,
                .reason = describe_end(rank, status)};
      failed_at = Clock::now();
    });
    if (stop.stop_requested() && !has_passed_on) {
      has_passed_on = true;
      children.signal(SIGTERM);
    }
    if (report.failed_rank >= 0 && !has_killed && Clock::now() - failed_at > options.grace) {
      has_killed = true;
      children.signal(SIGKILL);
    }
    std::this_thread::sleep_for(kPause);
  }
  return report;
}

}  // namespace normdescent
