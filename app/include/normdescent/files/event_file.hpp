// SPDX-License-Identifier: Apache-2.0
// Logs that TensorBoard reads: TFRecord frames around protocol-buffer messages of type Event.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace normdescent {

/// One number under a name; TensorBoard draws one chart for each name.
using Scalar = std::pair<std::string, double>;

/// Appends scalars to `folder`/events.out.tfevents.<seconds since 1970>.normdescent.<first step>; each record reaches
/// the operating system before append() returns.
///
///   record   length (8 bytes), mask(crc32c(length)), message, mask(crc32c(message)); all little-endian
///   mask(c)  (c rotated right by 15 bits) + 0xA282EAD8
///   Event    1: wall time (double)  2: step  3: "brain.Event:2", first record  5: Summary {1: Value {1: tag 2: float}}
///            7: SessionLog {1: START}, second record: numbers of a run before at this step or later are void
///
/// UserError naming the file if it cannot be written.
/// Source  tensorflow/core/util/event.proto, summary.proto; tensorflow/core/lib/io/record_writer.
class EventFile {
 public:
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  ~EventFile();

  /// Numbers that are not finite are left out.
  void append(std::int64_t step, std::span<const Scalar> scalars);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void write_record(const std::string& message);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace normdescent
