// SPDX-License-Identifier: Apache-2.0
// A GPT-2 on tokens as a Problem: what compare, probe and train work on. Needs no LibTorch headers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "normdescent/data/token_corpus.hpp"
#include "normdescent/gpt/objective.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

enum class WindowOrder {
  independent,      ///< each window begins anywhere, drawn with replacement: the i.i.d. examples that theory speaks of
  shuffled_epochs,  ///< every epoch visits each of the disjoint windows once, in an order of its own
};

/// Where example `index` of a stream begins in `size` tokens, of which a window takes `length`.
[[nodiscard]] std::uint64_t window_start(WindowOrder order, std::uint64_t size, std::uint64_t length,
                                         std::uint64_t stream, std::uint64_t index);

/// Fills `out` with the windows of the batch's examples, one after the other, and hints at those of as many examples
/// behind them: random places of shards that memory does not hold would cost a disk access each.
void read_windows(const TokenSource& source, WindowOrder order, const Batch& batch, std::span<std::int64_t> out);

struct GptProblemOptions {
  GptShape shape = gpt_preset("nano");
  std::uint32_t batch_size = 8;  ///< windows in a mini-batch
  Index context = 0;             ///< tokens in a window; 0: the shape's
  WindowOrder order = WindowOrder::independent;
  Precision precision = Precision::automatic;
  Index validation_windows = 64;  ///< spread evenly over the validation part
  std::uint32_t micro_batch = 0;  ///< windows in memory at a time (train/accumulation.hpp); 0: the whole mini-batch
  /// Reads the weights that every model begins with, of this shape; empty: initialised from the seed. A function, so
  /// that no copy of them stays beside the model.
  std::function<GptWeights()> initial_weights{};
};

/// Example e of stream s is a window of the training part that depends on (s, e) alone: independent windows start at a
/// uniform position drawn by Philox with key s and counter e; shuffled ones are number permuted(e mod n, n, s, e / n)
/// of the n windows that begin at multiples of the context.
///
/// Throws    std::invalid_argument for options outside their domain; UserError if the corpus is shorter than a window;
///           later, from gradient(), for a token outside the vocabulary.
[[nodiscard]] std::shared_ptr<const Problem> make_gpt_problem(const GptProblemOptions& options,
                                                              std::shared_ptr<const TokenCorpus> corpus);

}  // namespace normdescent
