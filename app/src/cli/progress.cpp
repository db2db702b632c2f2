// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "normdescent/base/text.hpp"

namespace normdescent::cli {
namespace {

constexpr int kBarWidth = 20;
constexpr double kSecondsBeforeEstimate = 2.0;
constexpr auto kTimeBetweenBars = std::chrono::milliseconds(100);
constexpr auto kTimeBetweenLines = std::chrono::seconds(5);

}  // namespace

namespace {

/// In [0, 1]; 0 for NaN, which no comparison would keep out of it.
double share_of(double fraction) { return fraction > 0.0 ? std::min(fraction, 1.0) : 0.0; }

}  // namespace

std::string progress_text(double fraction, double elapsed_seconds) {
  const double share = share_of(fraction);
  const int full = static_cast<int>(share * kBarWidth);
  std::string percent = fixed(100.0 * share, 0) + "%";
  percent.insert(0, percent.size() < 4 ? 4 - percent.size() : 0, ' ');
  std::string out = "[" + std::string(full, '#') + std::string(kBarWidth - full, '-') + "] " + percent;
  if (share > 0.0 && share < 1.0 && elapsed_seconds >= kSecondsBeforeEstimate) {
    out += "  about " + duration(elapsed_seconds * (1.0 - share) / share) + " left";
  }
  return out;
}

Progress::Progress(std::ostream& err, bool is_terminal)
    : err_(err), is_terminal_(is_terminal), phase_start_(Clock::now()), last_shown_(phase_start_) {}

Progress::~Progress() { erase_bar(); }

void Progress::erase_bar() {
  if (has_bar_) err_ << "\r\033[K" << std::flush;
  has_bar_ = false;
}

void Progress::update(std::string_view phase, double fraction, std::string_view detail) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const bool is_new = phase_ != phase;
  if (is_new) {
    phase_ = phase;
    phase_start_ = now;
    last_tenth_ = -1;
  }
  const double elapsed = std::chrono::duration<double>(now - phase_start_).count();
  const std::string more = detail.empty() ? "" : "  " + std::string(detail);
  if (is_terminal_) {
    if (!is_new && now - last_shown_ < kTimeBetweenBars) return;
    last_shown_ = now;
    has_bar_ = true;
    err_ << "\r\033[K" << phase_ << ' ' << progress_text(fraction, elapsed) << more << std::flush;
    return;
  }
  const int tenth = static_cast<int>(share_of(fraction) * 10.0);
  if (!is_new && (tenth == last_tenth_ || now - last_shown_ < kTimeBetweenLines)) return;
  last_tenth_ = tenth;
  last_shown_ = now;
  const double share = share_of(fraction);
  const bool is_known = share > 0.0 && share < 1.0 && elapsed >= kSecondsBeforeEstimate;
  const std::string left = is_known ? ", about " + duration(elapsed * (1.0 - share) / share) + " left" : "";
  err_ << phase_ << ": " << tenth * 10 << "%" << more << left << '\n' << std::flush;
}

void Progress::clear() {
  const std::lock_guard lock(mutex_);
  erase_bar();
}

void Progress::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  erase_bar();
  err_ << line << '\n' << std::flush;
}

}  // namespace normdescent::cli
