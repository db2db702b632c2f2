// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/folder_lock.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/write_all.hpp"

namespace normdescent {

namespace {

std::string describe_this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  std::array<char, 32> time{};
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::strftime(time.data(), time.size(), "%Y-%m-%d %H:%M:%S", &local);
  return "process " + std::to_string(::getpid()) + " on " + host.data() + ", since " + time.data();
}

std::string read_holder(int descriptor) {
  std::array<char, 512> text{};
  const auto bytes = ::pread(descriptor, text.data(), text.size(), 0);
  std::string holder(text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : holder;  // which has not yet said who it is
}

/// Whether the file is still the one that the path names: its holder before may have removed it.
bool is_current(int descriptor, const std::filesystem::path& path) {
  struct stat mine {};
  struct stat named {};
  return ::fstat(descriptor, &mine) == 0 && ::stat(path.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
         mine.st_dev == named.st_dev;
}

}  // namespace

FolderLock::FolderLock(std::filesystem::path folder) : path_(folder / kLockFile) {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw_file_error("write", path_, errno);
    const int failure = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (failure == EWOULDBLOCK) {
      const std::string holder = read_holder(descriptor_);
      ::close(descriptor_);
      throw UserError(folder.string() + " is in use by " + holder,
                      "wait until it has ended, or stop it (a process that was killed holds nothing)");
    }
    if (failure == EINTR || !is_current(descriptor_, path_)) {
      ::close(descriptor_);
      continue;
    }
    break;
  }
  const std::string text = describe_this_process() + "\n";
  // Who cannot say its name holds the folder none the less.
  if (::ftruncate(descriptor_, 0) == 0) (void)write_all(descriptor_, std::as_bytes(std::span(text)));
}

FolderLock::~FolderLock() {
  if (is_current(descriptor_, path_)) ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace normdescent
