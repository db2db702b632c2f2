// SPDX-License-Identifier: Apache-2.0
// Run-time choice of instruction set for one function: the compiler makes a copy for AVX-512, AVX2 and the baseline.
// Only g++ can do this for function templates (clang 14 refuses); other compilers build the baseline, with equal
// results. Mark leaf loops only: an OpenMP region inside a marked function would be outlined without the copy's
// instruction set.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define NORMDESCENT_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define NORMDESCENT_MULTIVERSION
#endif

/// Marks functions that compile for the host and for CUDA devices.
#if defined(__CUDACC__)
#define NORMDESCENT_HOST_DEVICE __host__ __device__
#else
#define NORMDESCENT_HOST_DEVICE
#endif
