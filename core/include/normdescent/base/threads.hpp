// SPDX-License-Identifier: Apache-2.0
// How many threads OpenMP gives to the parallel regions that this thread opens.
#pragma once

#include <omp.h>

namespace normdescent {

/// `count` of them while it lives, afterwards as many as before.
class WithThreads {
 public:
  explicit WithThreads(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;
  ~WithThreads() { omp_set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace normdescent
