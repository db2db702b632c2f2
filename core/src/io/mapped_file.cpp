// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/mapped_file.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_file_error("read", path, errno);
  struct stat status {};
  int failure = ::fstat(descriptor, &status) != 0 ? errno : 0;
  const bool is_file = failure == 0 && S_ISREG(status.st_mode);
  const auto length = static_cast<std::size_t>(status.st_size);
  if (is_file && length > 0) {  // nothing to map in an empty file
    void* const memory = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (memory == MAP_FAILED) {
      failure = errno;
    } else {
      bytes_ = {static_cast<const std::byte*>(memory), length};
    }
  }
  ::close(descriptor);  // the mapping does not need it
  if (failure != 0) throw_file_error("read", path, failure);
  if (!is_file) throw UserError("'" + path.string() + "' is not a file", "give a file");
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile::~MappedFile() {
  // munmap changes nothing that the span's constness promises.
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void will_need(std::span<const std::byte> part) {
  if (part.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(part.data());
  const std::uintptr_t before = address % page;
  // A hint that is refused costs nothing but time.
  (void)::madvise(reinterpret_cast<void*>(address - before), part.size() + before, MADV_WILLNEED);
}

}  // namespace normdescent
