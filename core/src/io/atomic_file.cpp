// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/crc32c.hpp"
#include "normdescent/io/write_all.hpp"

namespace normdescent {

namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 16U;
/// Far above every text of ours; devices and pipes may have no end.
constexpr std::size_t kMaxTextBytes = std::size_t{512} << 20U;

std::string hint_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "free some space or choose another folder";
    case EACCES:
    case EPERM:
    case EROFS: return "choose a folder that you may write to";
    case ENOENT:
    case ENOTDIR: return "check the path";
    default: return {};
  }
}

}  // namespace

void throw_file_error(const char* action, const std::filesystem::path& path, int error_number) {
  throw UserError(
      std::string("cannot ") + action + " " + path.string() + ": " + std::generic_category().message(error_number),
      hint_for(error_number));
}

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)), partial_(target_) {
  partial_ += ".partial";
  descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_file_error("write", target_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(partial_.c_str());
}

int write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (const int error_number = write_all(descriptor_, bytes); error_number != 0)
    throw_file_error("write", target_, error_number);
  digest_ = {.bytes = digest_.bytes + bytes.size(), .crc = crc32c(bytes, digest_.crc)};
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) throw_file_error("write", target_, errno);
  if (::rename(partial_.c_str(), target_.c_str()) != 0) throw_file_error("replace", target_, errno);
  ::close(std::exchange(descriptor_, -1));
  sync_folder(target_.parent_path());
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

FileDigest write_text_atomically(const std::filesystem::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
  return file.digest();
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) throw_file_error("read", path, errno != 0 ? errno : EISDIR);
  std::string text;
  std::vector<char> block(kReadBytes);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMaxTextBytes)
      throw UserError("'" + path.string() + "' has more than " + std::to_string(kMaxTextBytes) + " bytes",
                      "is another file meant?");
  }
  if (file.bad()) throw_file_error("read", path, EIO);
  return text;
}

}  // namespace normdescent
