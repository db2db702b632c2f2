// SPDX-License-Identifier: Apache-2.0
// One pass over tokens that somebody else wrote, before they are trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

/// UserError naming the shard, the place and the token for the first token that is not below `vocabulary`. Returns the
/// hash (base/hash.hpp) of all tokens, `hash` continued. Reads each byte once, as fast as memory gives them.
[[nodiscard]] std::uint64_t scan_shards(std::span<const std::filesystem::path> paths, std::int64_t vocabulary,
                                        std::uint64_t hash);

}  // namespace normdescent
