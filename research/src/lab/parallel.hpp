// SPDX-License-Identifier: Apache-2.0
// Independent jobs over threads. Results are stored by job number, so they do not depend on scheduling.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <type_traits>
#include <vector>

#include "normdescent/base/first_failure.hpp"

namespace normdescent::lab {

/// {job(0), ..., job(count - 1)}, computed by up to `threads` threads. The first exception is rethrown after all ended.
template <class Job>
auto parallel_map(std::size_t count, int threads, const Job& job) {
  std::vector<std::invoke_result_t<Job, std::size_t>> results(count);
  std::atomic<std::size_t> next{0};
  FirstFailure failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      if (!failure.guard([&] { results[i] = job(i); })) next = count;
    }
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t wanted = std::min<std::size_t>(static_cast<std::size_t>(threads), count);
    for (std::size_t t = 1; t < wanted; ++t) helpers.emplace_back(work);
    work();
  }
  failure.rethrow();
  return results;
}

}  // namespace normdescent::lab
