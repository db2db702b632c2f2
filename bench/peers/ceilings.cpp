// SPDX-License-Identifier: Apache-2.0
// What this machine can do, for side_by_side.py: for each line on standard input measures once and answers with
// "triad_gb_s update_gb_s bfloat16_gflop_s float32_gflop_s bfloat16_register_gflop_s". All threads; arrays of 256 MiB;
// 2048 x 768 x 3072 products; the last by AVX-512 BF16 on numbers that stay in registers, nan where there is none.
// Rates per processor second and times the number of threads, so that neighbours on the machine do not lower their
// ceiling.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "normdescent/linalg/fixed_product.hpp"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using namespace normdescent;

constexpr std::int64_t kCount = std::int64_t{1} << 26;
constexpr Index kRows = 2048;
constexpr Index kInner = 768;
constexpr Index kCols = 3072;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Fewest seconds of a few runs: a ceiling, so what disturbs is left out.
template <class F>
double fewest_seconds(double (*clock)(), const F& run) {
  double best = 1e30;
  for (int i = 0; i < 5; ++i) {
    const double start = clock();
    run();
    best = std::min(best, clock() - start);
  }
  return best;
}

template <class S>
double product_rate(fixed_product::Type type) {
  using fixed_product::Layout;
  const fixed_product::Product product(Layout::rows(kRows, kInner, type), Layout::rows(kInner, kCols, type),
                                       Layout::rows(kRows, kCols, fixed_product::Type::float32));
  const std::vector<S> a(static_cast<std::size_t>(kRows * kInner));
  const std::vector<S> b(static_cast<std::size_t>(kInner * kCols));
  std::vector<float> c(static_cast<std::size_t>(kRows * kCols));
  return 2e-9 * static_cast<double>(kRows * kInner * kCols) * omp_get_max_threads() /
         fewest_seconds(processor_seconds, [&] { product.run(a.data(), b.data(), c.data()); });
}

#if defined(__x86_64__)
constexpr std::int64_t kTurns = 20'000'000;
constexpr int kSums = 24;  // more than an instruction's latency, fewer than the registers

__attribute__((target("avx512f,avx512bf16"))) void multiply_in_registers() {
  const auto ones = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3F803F80));
  __m512 sums[kSums] = {};
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
#pragma GCC unroll 24
    for (__m512& sum : sums) {
      sum = _mm512_dpbf16_ps(sum, ones, ones);
      asm volatile("" : "+v"(sum));  // every turn is taken
    }
  }
}
#endif

double register_rate() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16") != 0) {
    constexpr double kOperations = 2.0 * 32 * kSums * kTurns;  // 32 products an instruction
    const int threads = omp_get_max_threads();
    return 1e-9 * kOperations * threads * threads / fewest_seconds(processor_seconds, [] {
#pragma omp parallel
             multiply_in_registers();
           });
  }
#endif
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

int main() {
  std::vector<float> x(static_cast<std::size_t>(kCount), 1.0F);
  std::vector<float> y(x);
  std::vector<float> z(x);
  float* out = x.data();
  const float* a = y.data();
  const float* b = z.data();
  std::string line;
  std::cout << "ready" << std::endl;
  while (std::getline(std::cin, line)) {
    const double triad = fewest_seconds(wall_seconds, [&] {
#pragma omp parallel for simd schedule(static)
      for (std::int64_t i = 0; i < kCount; ++i) out[i] = a[i] + 1e-9F * b[i];
    });
    const double update = fewest_seconds(wall_seconds, [&] {
#pragma omp parallel for simd schedule(static)
      for (std::int64_t i = 0; i < kCount; ++i) out[i] += 1e-9F * a[i];
    });
    const double bytes = 12e-9 * static_cast<double>(kCount);
    std::cout << bytes / triad << " " << bytes / update << " " << product_rate<Bfloat16>(fixed_product::Type::bfloat16)
              << " " << product_rate<float>(fixed_product::Type::float32) << " " << register_rate() << std::endl;
  }
}
