// SPDX-License-Identifier: Apache-2.0
#include "stop_signal.hpp"

#include <csignal>
#include <cstdlib>
#include <string_view>

#include <pthread.h>
#include <unistd.h>

#include "session.hpp"

namespace normdescent::cli {
namespace {

/// nohup has hang-ups ignored, and means it. (A blocked signal waits to be taken even if it is ignored.)
bool ignores(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (!ignores(SIGHUP)) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

StopSignal::StopSignal() {
  // A handler may call almost nothing; a thread that waits for the signal may call everything.
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::jthread([this, set](const std::stop_token& end) {
    constexpr timespec kPatience{.tv_sec = 0, .tv_nsec = 100'000'000};  // how long the destructor may have to wait
    while (!end.stop_requested()) {
      if (sigtimedwait(&set, nullptr, &kPatience) < 0) continue;
      if (source_.stop_requested()) std::_Exit(kFailed);
      // What was written to may have gone, too: a failed write, not the end before the checkpoint.
      (void)std::signal(SIGPIPE, SIG_IGN);
      constexpr std::string_view kText = "\nnormdescent: stopping after the current step; once more ends it at once\n";
      (void)!write(STDERR_FILENO, kText.data(), kText.size());
      source_.request_stop();
    }
  });
}

StopSignal::~StopSignal() = default;

}  // namespace normdescent::cli
