// SPDX-License-Identifier: Apache-2.0
// A file as memory: pages are read when they are looked at, so it may be larger than memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace normdescent {

/// Read-only. UserError naming the path if it cannot be read or is no regular file. The file must not shrink meanwhile.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// A hint that this part of a MappedFile will be looked at soon: the system reads it meanwhile.
void will_need(std::span<const std::byte> part);

}  // namespace normdescent
