// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/stochastic_rounding.hpp"

#include <algorithm>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

// A counter of 32 bits: with one of 64 the compiler narrows its vectors, and the loop takes twice as long.
NORMDESCENT_MULTIVERSION void round_all(const float* __restrict x, Bfloat16* __restrict out, int count,
                                        RoundingBits bits) {
  for (int i = 0; i < count; ++i) out[i] = round_stochastically(x[i], bits(static_cast<std::uint32_t>(i)));
}

}  // namespace

StochasticRounding::StochasticRounding(std::uint64_t seed, std::uint64_t stream, std::uint64_t step,
                                       std::uint64_t entry)
    : seed_(seed), stream_(stream), step_(step) {
  set_key_for(entry);
}

void StochasticRounding::set_key_for(std::uint64_t entry) {
  key_block_ = entry / kEntries;
  const auto words = philox4x32(seed_, (step_ << 40U) + key_block_, stream_);
  first_word_ = words[0];
  second_word_ = words[1];
}

RoundingBits StochasticRounding::bits_from(std::uint64_t first) {
  if (first / kEntries != key_block_) set_key_for(first);
  return {static_cast<std::uint32_t>(first) + first_word_, second_word_};
}

void StochasticRounding::round(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t first) {
  constexpr std::size_t kAtOnce = std::size_t{1} << 30U;
  for (std::size_t done = 0; done < x.size();) {
    const std::uint64_t i = first + done;
    const auto count = std::min({x.size() - done, static_cast<std::size_t>(entries_from(i)), kAtOnce});
    round_all(x.data() + done, out.data() + done, static_cast<int>(count), bits_from(i));
    done += count;
  }
}

std::uint64_t rounding_stream(const std::string& name) {
  return hash_bytes({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

std::uint16_t rounding_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t step, std::uint64_t i) {
  return StochasticRounding(seed, stream, step, i).bits_from(i)(0);
}

void round_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t step) {
  constexpr std::size_t kPiece = 16384;
  const std::size_t pieces = (x.size() + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (pieces > 1)
  for (std::size_t p = 0; p < pieces; ++p) {
    const std::size_t first = p * kPiece;
    const std::size_t count = std::min(kPiece, x.size() - first);
    StochasticRounding(seed, stream, step, first).round(x.subspan(first, count), out.subspan(first, count), first);
  }
}

}  // namespace normdescent
