// SPDX-License-Identifier: Apache-2.0
// Progress of long work on standard error: on a terminal one line with a bar and the time left, elsewhere a plain line
// now and then, so that a log stays short.
#pragma once

#include <chrono>
#include <iosfwd>
#include <mutex>
#include <string>
#include <string_view>

namespace normdescent::cli {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress(std::ostream& err, bool is_terminal);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Removes the bar.
  ~Progress();

  /// `fraction` of the phase done, in [0, 1]. Callable from any thread.
  void update(std::string_view phase, double fraction, std::string_view detail = {});
  /// Removes the bar until the next update, so that others can write.
  void clear();
  /// A line of its own that stays; the bar, if any, goes on below it.
  void note(std::string_view line);

 private:
  void erase_bar();

  std::mutex mutex_;
  std::ostream& err_;
  bool is_terminal_;
  bool has_bar_ = false;
  std::string phase_;
  Clock::time_point phase_start_;
  Clock::time_point last_shown_;
  int last_tenth_ = -1;
};

/// "[#########-----------]  45%  about 40 s left": the time left is the elapsed one times (1 - fraction) / fraction,
/// and is left out before there is anything to extrapolate from.
[[nodiscard]] std::string progress_text(double fraction, double elapsed_seconds);

}  // namespace normdescent::cli
