// SPDX-License-Identifier: Apache-2.0
// Exceptions of work that several threads do: none may leave the thread or the parallel region that threw it.
#pragma once

#include <exception>
#include <mutex>

namespace normdescent {

class FirstFailure {
 public:
  /// Runs work() and keeps what it throws. False if it threw.
  template <class Work>
  bool guard(const Work& work) noexcept {
    try {
      work();
      return true;
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      return false;
    }
  }

  /// The first of them, once all threads have ended; nothing where there was none.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::exception_ptr failure_;
  std::mutex mutex_;
};

}  // namespace normdescent
