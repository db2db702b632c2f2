// SPDX-License-Identifier: Apache-2.0
// Where the examples of a zoo problem come from. Example e of stream s depends on (s, e) alone; held-out examples are
// those of a stream that no training run draws from, or come from a part of the data that training never sees.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/data/token_corpus.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// One row an example. What the columns mean is between data and model.
struct Examples {
  at::Tensor inputs;
  at::Tensor targets;
};

struct ExampleSource {
  std::function<Examples(const Batch&)> draw;
  Examples held_out;
  std::uint64_t hash = 0;  ///< tells different data apart
};

/// Writes one example into its rows. All its randomness is from `random`, which is its own.
using DrawClass = std::function<std::int64_t(Philox& random, std::span<float> inputs)>;  ///< returns the class
using DrawValue = std::function<float(Philox& random, std::span<float> inputs)>;         ///< returns the target
using DrawTokens = std::function<void(Philox& random, std::span<std::int64_t> tokens)>;

/// inputs float (batch, shape...), targets int64 (batch).
[[nodiscard]] ExampleSource drawn_classes(std::vector<std::int64_t> shape, DrawClass draw, std::uint32_t held_out);
/// inputs float (batch, width), targets float (batch). `draw_held_out` is without label noise, say; empty: `draw`.
[[nodiscard]] ExampleSource drawn_values(std::int64_t width, DrawValue draw, std::uint32_t held_out,
                                         DrawValue draw_held_out = {});
/// inputs int64 (batch, length), no targets.
[[nodiscard]] ExampleSource drawn_tokens(std::int64_t length, DrawTokens draw, std::uint32_t held_out);
/// Windows of text: inputs int64 (batch, length); held out are `held_out` windows spread over the validation part.
[[nodiscard]] ExampleSource text_windows(std::shared_ptr<const TokenCorpus> corpus, std::int64_t length,
                                         std::uint32_t held_out);

}  // namespace normdescent
