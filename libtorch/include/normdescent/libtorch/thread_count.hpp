// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/Parallel.h>
#include <omp.h>

namespace normdescent {

/// LibTorch sets the OpenMP thread count of every thread that it first runs on to its process-wide default. Two
/// single-threaded workers would silently become two times two threads. Call before any LibTorch work of a thread: lets
/// LibTorch do so once and restores what the caller had chosen. oneDNN and an OpenMP BLAS read the same count.
inline void keep_thread_count() {
  static thread_local const bool done = [] {
    const int chosen = omp_get_max_threads();
    (void)at::get_num_threads();
    omp_set_num_threads(chosen);
    return true;
  }();
  (void)done;
}

}  // namespace normdescent
