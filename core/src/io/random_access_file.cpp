// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/random_access_file.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

RandomAccessFile::RandomAccessFile(const std::filesystem::path& path) : path_(path) {
  // Without O_NONBLOCK a pipe would be waited for until somebody writes to it; for files it changes nothing.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw_file_error("read", path, errno);
  struct stat status {};
  const int failure = ::fstat(descriptor_, &status) != 0 ? errno : 0;
  if (failure == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(std::exchange(descriptor_, -1));
  if (failure != 0) throw_file_error("read", path, failure);
  const bool is_stream = S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISSOCK(status.st_mode);
  throw UserError("'" + path.string() + "' is not a file" + (is_stream ? " but a pipe or device" : ""),
                  is_stream ? "it is read more than once, so write it to a file first" : "give a file");
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

RandomAccessFile::~RandomAccessFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RandomAccessFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    throw std::out_of_range("bytes [" + std::to_string(offset) + ", " + std::to_string(offset + out.size()) +
                            "), must be within the " + std::to_string(size_) + " of '" + path_.string() + "'");
  }
  while (!out.empty()) {
    const auto got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_file_error("read", path_, errno);
    if (got == 0) {
      struct stat status {};
      const bool is_known = ::fstat(descriptor_, &status) == 0;
      throw UserError("'" + path_.string() + "' had " + std::to_string(size_) + " bytes and was cut to " +
                          std::to_string(is_known ? static_cast<std::uint64_t>(status.st_size) : offset) +
                          " while it was read",
                      "data must not change during a run");
    }
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

void RandomAccessFile::will_need(std::uint64_t offset, std::uint64_t bytes) const {
  if (bytes == 0) return;  // for the system, up to the end of the file
  // A hint that is refused costs nothing but time.
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
}

}  // namespace normdescent
