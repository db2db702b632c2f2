// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/json_lines.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/write_all.hpp"

namespace normdescent {

JsonLinesWriter::JsonLinesWriter(std::filesystem::path path, std::uint64_t keep_bytes) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_file_error("write", path_, errno);
  struct stat status {};
  const bool is_known = ::fstat(descriptor_, &status) == 0;
  const bool is_too_short = keep_bytes > 0 && (!is_known || static_cast<std::uint64_t>(status.st_size) < keep_bytes);
  // Devices cannot be truncated; only a regular file has old lines.
  const bool cannot_truncate =
      !is_too_short && S_ISREG(status.st_mode) && ::ftruncate(descriptor_, static_cast<off_t>(keep_bytes)) != 0;
  if (is_too_short || cannot_truncate) {
    const int error_number = errno;
    ::close(descriptor_);
    if (cannot_truncate) throw_file_error("write", path_, error_number);
    throw UserError("cannot continue " + path_.string() + ": shorter than the checkpoint says",
                    "resume from the folder that the checkpoint was written to");
  }
  bytes_ = keep_bytes;
}

JsonLinesWriter::~JsonLinesWriter() { ::close(descriptor_); }

void JsonLinesWriter::append(std::string_view object) {
  if (object.find('\n') != std::string_view::npos) throw std::invalid_argument("object holds a line break");
  std::string line(object);
  line += '\n';
  const int error_number = write_all(descriptor_, std::as_bytes(std::span(line)));
  if (error_number != 0) {
    // Half a line would make the log unreadable. Best effort: the error to report is the first one.
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_, static_cast<off_t>(bytes_));
    throw_file_error("write", path_, error_number);
  }
  bytes_ += line.size();
}

void JsonLinesWriter::sync() {
  // EINVAL: a device or pipe, which has no disk to flush to.
  if (::fsync(descriptor_) != 0 && errno != EINVAL) throw_file_error("write", path_, errno);
}

}  // namespace normdescent
