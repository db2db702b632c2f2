// SPDX-License-Identifier: Apache-2.0
// Append-only logs of one JSON object a line, readable at any moment, also after a crash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace normdescent {

/// Appends lines to a file; each line reaches the operating system before append() returns.
/// Failures (unwritable, full disk) are UserErrors that name the path; lines written before stay readable.
class JsonLinesWriter {
 public:
  /// Keeps the first `keep_bytes` bytes of an existing file (0: start anew) and appends from there.
  /// UserError if the file is shorter than that: it is not the log that the caller's position belongs to.
  explicit JsonLinesWriter(std::filesystem::path path, std::uint64_t keep_bytes = 0);
  JsonLinesWriter(const JsonLinesWriter&) = delete;
  JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;
  ~JsonLinesWriter();

  /// `object`: one JSON text without line breaks (std::invalid_argument otherwise).
  void append(std::string_view object);
  /// Flushes to disk: a checkpoint that stores bytes() must not outlive the lines.
  void sync();
  /// Length of the file so far: what a checkpoint stores to continue exactly here.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

}  // namespace normdescent
