// SPDX-License-Identifier: Apache-2.0
// Independent jobs over threads. Results are stored by job number, so they do not depend on scheduling.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace normdescent::lab {

/// {job(0), ..., job(count - 1)}, computed by up to `threads` threads. The first exception is rethrown after all ended.
template <class Job>
auto parallel_map(std::size_t count, int threads, const Job& job) {
  std::vector<std::invoke_result_t<Job, std::size_t>> results(count);
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        results[i] = job(i);
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t wanted = std::min<std::size_t>(static_cast<std::size_t>(threads), count);
    for (std::size_t t = 1; t < wanted; ++t) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return results;
}

}  // namespace normdescent::lab
