// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/memory_use.hpp"

#include <fstream>
#include <string>

namespace normdescent {

namespace {

/// The value of a line "<key>: <number> kB" of a file of /proc.
std::optional<std::uint64_t> kilobytes_line(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == key + ":" && file >> kilobytes) return kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> available_memory() { return kilobytes_line("/proc/meminfo", "MemAvailable"); }
std::optional<std::uint64_t> resident_memory() { return kilobytes_line("/proc/self/status", "VmRSS"); }
std::optional<std::uint64_t> peak_memory() { return kilobytes_line("/proc/self/status", "VmHWM"); }

}  // namespace normdescent
