// SPDX-License-Identifier: Apache-2.0
#include "philox_block.hpp"

#include "normdescent/base/philox.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define NORMDESCENT_PHILOX_X86 1
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // false alarm inside g++ 12's own avx512fintrin.h (PR 105593)
#endif
#endif

namespace normdescent::lab {

namespace {

void groups_portable(std::uint64_t key, std::uint64_t stream, std::uint64_t group, std::uint64_t groups,
                     std::uint32_t* out) {
  for (std::uint64_t g = 0; g < groups; ++g, out += 64) {
    for (std::uint64_t i = 0; i < 16; ++i) {
      const auto words = philox4x32(key, 16 * (group + g) + i, stream);
      for (std::uint64_t j = 0; j < 4; ++j) out[16 * j + i] = words[j];
    }
  }
}

#ifdef NORMDESCENT_PHILOX_X86

// Each 32-bit word lives in the low half of a 64-bit lane; the high halves hold garbage that the product ignores.
// Two halves of eight (four) counters are interleaved to hide the latency of the products.

__attribute__((target("avx512f"))) void groups_avx512(std::uint64_t key, std::uint64_t stream, std::uint64_t group,
                                                      std::uint64_t groups, std::uint32_t* out) {
  const __m512i multiplier0 = _mm512_set1_epi64(0xD2511F53LL);
  const __m512i multiplier1 = _mm512_set1_epi64(0xCD9E8D57LL);
  const __m512i low = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  for (std::uint64_t g = 0; g < groups; ++g, out += 64) {
    __m512i x[2][4];
    for (int half = 0; half < 2; ++half) {
      const __m512i counter = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(16 * (group + g))),
                                               _mm512_add_epi64(low, _mm512_set1_epi64(8 * half)));
      x[half][0] = counter;
      x[half][1] = _mm512_srli_epi64(counter, 32);
      x[half][2] = _mm512_set1_epi64(static_cast<long long>(stream));
      x[half][3] = _mm512_set1_epi64(static_cast<long long>(stream >> 32U));
    }
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32U);
    for (int round = 0; round < 10; ++round) {
      const __m512i key0 = _mm512_set1_epi64(static_cast<long long>(k0));
      const __m512i key1 = _mm512_set1_epi64(static_cast<long long>(k1));
      for (auto& h : x) {
        const __m512i p0 = _mm512_mul_epu32(h[0], multiplier0);
        const __m512i p1 = _mm512_mul_epu32(h[2], multiplier1);
        h[0] = _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(p1, 32), h[1]), key0);
        h[2] = _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(p0, 32), h[3]), key1);
        h[1] = p1;
        h[3] = p0;
      }
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    for (int half = 0; half < 2; ++half) {
      for (int j = 0; j < 4; ++j) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16 * j + 8 * half), _mm512_cvtepi64_epi32(x[half][j]));
      }
    }
  }
}

__attribute__((target("avx2"))) void groups_avx2(std::uint64_t key, std::uint64_t stream, std::uint64_t group,
                                                 std::uint64_t groups, std::uint32_t* out) {
  const __m256i multiplier0 = _mm256_set1_epi64x(0xD2511F53LL);
  const __m256i multiplier1 = _mm256_set1_epi64x(0xCD9E8D57LL);
  const __m256i low = _mm256_set_epi64x(3, 2, 1, 0);
  const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  for (std::uint64_t g = 0; g < groups; ++g, out += 64) {
    for (int half = 0; half < 2; ++half) {
      __m256i x[2][4];
      for (int quarter = 0; quarter < 2; ++quarter) {
        const __m256i counter = _mm256_add_epi64(
            _mm256_set1_epi64x(static_cast<long long>(16 * (group + g)) + 8 * half + 4 * quarter), low);
        x[quarter][0] = counter;
        x[quarter][1] = _mm256_srli_epi64(counter, 32);
        x[quarter][2] = _mm256_set1_epi64x(static_cast<long long>(stream));
        x[quarter][3] = _mm256_set1_epi64x(static_cast<long long>(stream >> 32U));
      }
      auto k0 = static_cast<std::uint32_t>(key);
      auto k1 = static_cast<std::uint32_t>(key >> 32U);
      for (int round = 0; round < 10; ++round) {
        const __m256i key0 = _mm256_set1_epi64x(static_cast<long long>(k0));
        const __m256i key1 = _mm256_set1_epi64x(static_cast<long long>(k1));
        for (auto& q : x) {
          const __m256i p0 = _mm256_mul_epu32(q[0], multiplier0);
          const __m256i p1 = _mm256_mul_epu32(q[2], multiplier1);
          q[0] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), q[1]), key0);
          q[2] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), q[3]), key1);
          q[1] = p1;
          q[3] = p0;
        }
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
      }
      for (int quarter = 0; quarter < 2; ++quarter) {
        for (int j = 0; j < 4; ++j) {
          const __m256i packed = _mm256_permutevar8x32_epi32(x[quarter][j], even);
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16 * j + 8 * half + 4 * quarter),
                           _mm256_castsi256_si128(packed));
        }
      }
    }
  }
}

using Groups = void (*)(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint32_t*);

Groups best_code() {
  if (__builtin_cpu_supports("avx512f") != 0) return groups_avx512;
  if (__builtin_cpu_supports("avx2") != 0) return groups_avx2;
  return groups_portable;
}

#endif

}  // namespace

void philox_groups(std::uint64_t key, std::uint64_t stream, std::uint64_t group, std::uint64_t groups,
                   std::uint32_t* out) {
#ifdef NORMDESCENT_PHILOX_X86
  static const Groups code = best_code();
  code(key, stream, group, groups, out);
#else
  groups_portable(key, stream, group, groups, out);
#endif
}

}  // namespace normdescent::lab
