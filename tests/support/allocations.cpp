// SPDX-License-Identifier: Apache-2.0
// A file of its own: where the compiler can inline these, it takes malloc and free for a mismatched pair.
#include "support/allocations.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NORMDESCENT_OWN_NEW 0
#endif
#endif
#ifndef NORMDESCENT_OWN_NEW
#define NORMDESCENT_OWN_NEW 1
#endif

namespace {
std::atomic<long> count{0};
std::atomic<std::int64_t> live{0};
std::atomic<std::int64_t> peak{0};
}  // namespace

#if NORMDESCENT_OWN_NEW
namespace {

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  ++count;
  const std::int64_t now = live += static_cast<std::int64_t>(::malloc_usable_size(memory));
  std::int64_t seen = peak;
  while (now > seen && !peak.compare_exchange_weak(seen, now)) {
  }
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) live -= static_cast<std::int64_t>(::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, (size + align) / align * align));
}
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
#endif

bool normdescent::test::counts_allocations() { return NORMDESCENT_OWN_NEW == 1; }
long normdescent::test::allocation_count() { return count; }
std::int64_t normdescent::test::heap_bytes() { return live; }
std::int64_t normdescent::test::heap_peak() { return peak; }
void normdescent::test::reset_heap_peak() { peak = live.load(); }
