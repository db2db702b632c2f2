// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/shard_scan.hpp"

#include <algorithm>
#include <numeric>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/shard.hpp"

namespace normdescent {

namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18U;  // tokens that stay in the cache between the two looks at them

[[noreturn]] void refuse(const std::filesystem::path& path, std::uint64_t place, std::uint16_t token,
                         std::int64_t vocabulary) {
  throw UserError("'" + path.string() + "' holds token " + std::to_string(token) + " at place " +
                      std::to_string(place) + ", the vocabulary ends at " + std::to_string(vocabulary - 1),
                  "the shards were made with another tokenizer than their tokens.json says (without one: GPT-2's)");
}

}  // namespace

std::uint64_t scan_shards(std::span<const std::filesystem::path> paths, std::int64_t vocabulary, std::uint64_t hash) {
  std::vector<std::uint16_t> buffer(kBlock);
  for (const auto& path : paths) {
    const Shard shard(path);
    for (std::uint64_t begin = 0; begin < shard.size(); begin += kBlock) {
      const auto block = std::span(buffer).first(std::min<std::uint64_t>(kBlock, shard.size() - begin));
      shard.will_need(begin + block.size(), std::min<std::uint64_t>(kBlock, shard.size() - begin - block.size()));
      shard.read(begin, block);
      // A maximum without a branch runs on whole vectors.
      const auto largest = std::accumulate(block.begin(), block.end(), std::uint16_t{0},
                                           [](std::uint16_t a, std::uint16_t b) { return a > b ? a : b; });
      if (largest >= vocabulary) {
        const auto at = std::ranges::find_if(block, [&](std::uint16_t token) { return token >= vocabulary; });
        refuse(path, begin + static_cast<std::uint64_t>(at - block.begin()), *at, vocabulary);
      }
      hash = hash_bytes({reinterpret_cast<const std::uint8_t*>(block.data()), block.size_bytes()}, hash);
    }
  }
  return hash;
}

}  // namespace normdescent
