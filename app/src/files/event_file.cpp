// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/event_file.hpp"

#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/crc32c.hpp"
#include "normdescent/io/write_all.hpp"

namespace normdescent {

namespace {

// Kinds of fields on the wire of protocol buffers.
enum class Wire : unsigned { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  return out + static_cast<char>(value);
}

std::string key(unsigned number, Wire wire) { return varint((number << 3U) | static_cast<unsigned>(wire)); }

template <class T>
std::string raw(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

std::string bytes_field(unsigned number, const std::string& content) {
  return key(number, Wire::bytes) + varint(content.size()) + content;
}
std::string varint_field(unsigned number, std::uint64_t value) { return key(number, Wire::varint) + varint(value); }

std::uint32_t masked_crc(const std::string& text) {
  return std::rotr(crc32c(std::as_bytes(std::span(text))), 15) + 0xA282EAD8U;
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event(std::int64_t step, const std::string& content) {
  return key(1, Wire::fixed64) + raw(seconds_since_1970()) + varint_field(2, static_cast<std::uint64_t>(step)) +
         content;
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step)
    : path_(folder / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(seconds_since_1970())) +
                      ".normdescent." + std::to_string(first_step))) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_file_error("write", path_, errno);
  write_record(event(0, bytes_field(3, "brain.Event:2")));
  write_record(event(first_step, bytes_field(7, varint_field(1, 1))));
}

EventFile::~EventFile() { ::close(descriptor_); }

void EventFile::append(std::int64_t step, std::span<const Scalar> scalars) {
  std::string summary;
  for (const auto& [name, number] : scalars) {
    if (!std::isfinite(number)) continue;
    summary += bytes_field(1, bytes_field(1, name) + key(2, Wire::fixed32) + raw(static_cast<float>(number)));
  }
  write_record(event(step, bytes_field(5, summary)));
}

void EventFile::write_record(const std::string& message) {
  const std::string length = raw(static_cast<std::uint64_t>(message.size()));
  const std::string record = length + raw(masked_crc(length)) + message + raw(masked_crc(message));
  if (const int error = write_all(descriptor_, std::as_bytes(std::span(record))); error != 0)
    throw_file_error("write", path_, error);
}

}  // namespace normdescent
