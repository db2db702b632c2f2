// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/stochastic_rounding.hpp"

#include <algorithm>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 32U;  // that share a key

struct Key {
  std::uint32_t first;
  std::uint32_t second;
};

Key key_of(std::uint64_t seed, std::uint64_t stream, std::uint64_t step, std::uint64_t i) {
  const auto words = philox4x32(seed, (step << 40U) + i / kEntries, stream);
  return {words[0], words[1]};
}

// A finalizer of two multiplications with full avalanche (Wellons' lowbias32), keyed twice so that two keys are not two
// places in one sequence. An eighth of a Philox draw an entry takes longer than the rest of an optimizer's step.
constexpr std::uint16_t bits_of(Key key, std::uint32_t entry) {
  std::uint32_t h = entry + key.first;
  h = (h ^ (h >> 16U)) * 0x7FEB352DU;
  h = (h ^ (h >> 15U) ^ key.second) * 0x846CA68BU;
  return static_cast<std::uint16_t>((h ^ (h >> 16U)) >> 16U);
}

NORMDESCENT_MULTIVERSION void round_all(const float* __restrict x, Bfloat16* __restrict out, std::size_t n, Key key,
                                        std::uint32_t first) {
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = round_stochastically(x[i], bits_of(key, first + static_cast<std::uint32_t>(i)));
  }
}

}  // namespace

std::uint64_t rounding_stream(const std::string& name) {
  return hash_bytes({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

std::uint16_t rounding_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t step, std::uint64_t i) {
  return bits_of(key_of(seed, stream, step, i), static_cast<std::uint32_t>(i));
}

void round_piece_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed,
                                std::uint64_t stream, std::uint64_t step, std::uint64_t first) {
  for (std::size_t done = 0; done < x.size();) {
    const std::uint64_t i = first + done;
    const auto count = std::min<std::size_t>(x.size() - done, kEntries - i % kEntries);
    round_all(x.data() + done, out.data() + done, count, key_of(seed, stream, step, i), static_cast<std::uint32_t>(i));
    done += count;
  }
}

void round_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t step) {
  constexpr std::size_t kPiece = 16384;
  const std::size_t pieces = (x.size() + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (pieces > 1)
  for (std::size_t p = 0; p < pieces; ++p) {
    const std::size_t first = p * kPiece;
    const std::size_t count = std::min(kPiece, x.size() - first);
    round_piece_stochastically(x.subspan(first, count), out.subspan(first, count), seed, stream, step, first);
  }
}

}  // namespace normdescent
