// SPDX-License-Identifier: Apache-2.0
#include "examples.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "normdescent/base/hash.hpp"
#include "normdescent/train/gpt_problem.hpp"

namespace normdescent {
namespace {

/// The stream of held-out examples; the streams of training are hashes of seeds.
constexpr std::uint64_t kHeldOutStream = 0xDEB7ULL;

std::uint64_t hash_tensor(const at::Tensor& tensor, std::uint64_t hash) {
  if (!tensor.defined()) return hash;
  return hash_bytes({static_cast<const std::uint8_t*>(tensor.data_ptr()), tensor.nbytes()}, hash);
}

template <class T>
std::span<T> row(const at::Tensor& tensor, std::int64_t index) {
  const std::int64_t width = tensor.numel() / tensor.size(0);
  return {tensor.data_ptr<T>() + index * width, static_cast<std::size_t>(width)};
}

std::vector<std::int64_t> with_batch(std::int64_t count, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> all{count};
  all.insert(all.end(), shape.begin(), shape.end());
  return all;
}

/// `fill(random, examples, row)` writes one example.
template <class Allocate, class Fill>
auto drawer(Allocate allocate, Fill fill) {
  return [allocate, fill](const Batch& batch) {
    Examples examples = allocate(batch.count);
    for (std::uint32_t i = 0; i < batch.count; ++i) {
      Philox random(batch.stream, batch.first + i);
      fill(random, examples, i);
    }
    return examples;
  };
}

ExampleSource with_held_out(std::function<Examples(const Batch&)> draw, Examples held_out) {
  ExampleSource source{std::move(draw), std::move(held_out), 0};
  source.hash = hash_tensor(source.held_out.targets, hash_tensor(source.held_out.inputs, kHashStart));
  // A difference that only the training examples have (label noise) must show too.
  const Examples first = source.draw({1, 0, 16});
  source.hash = hash_tensor(first.targets, hash_tensor(first.inputs, source.hash));
  return source;
}

}  // namespace

ExampleSource drawn_classes(std::vector<std::int64_t> shape, DrawClass draw, std::uint32_t held_out) {
  auto examples = drawer(
      [shape = std::move(shape)](std::int64_t count) {
        return Examples{at::empty(with_batch(count, shape)), at::empty({count}, at::kLong)};
      },
      [draw = std::move(draw)](Philox& random, const Examples& to, std::int64_t i) {
        row<std::int64_t>(to.targets, i)[0] = draw(random, row<float>(to.inputs, i));
      });
  return with_held_out(examples, examples({kHeldOutStream, 0, held_out}));
}

ExampleSource drawn_values(std::int64_t width, DrawValue draw, std::uint32_t held_out, DrawValue draw_held_out) {
  const auto examples_of = [width](DrawValue one) {
    return drawer(
        [width](std::int64_t count) {
          return Examples{at::empty({count, width}), at::empty({count})};
        },
        [one = std::move(one)](Philox& random, const Examples& to, std::int64_t i) {
          row<float>(to.targets, i)[0] = one(random, row<float>(to.inputs, i));
        });
  };
  const auto judged = examples_of(draw_held_out ? std::move(draw_held_out) : draw);
  return with_held_out(examples_of(std::move(draw)), judged({kHeldOutStream, 0, held_out}));
}

ExampleSource drawn_tokens(std::int64_t length, DrawTokens draw, std::uint32_t held_out) {
  auto examples = drawer(
      [length](std::int64_t count) {
        return Examples{at::empty({count, length}, at::kLong), {}};
      },
      [draw = std::move(draw)](Philox& random, const Examples& to, std::int64_t i) {
        draw(random, row<std::int64_t>(to.inputs, i));
      });
  return with_held_out(examples, examples({kHeldOutStream, 0, held_out}));
}

ExampleSource text_windows(std::shared_ptr<const TokenCorpus> corpus, std::int64_t length, std::uint32_t held_out) {
  corpus->require_window(length - 1);
  const auto size = static_cast<std::uint64_t>(length);
  Examples judged{at::empty({held_out, length}, at::kLong), {}};
  const std::uint64_t last = corpus->validation->size() - size;
  for (std::uint32_t i = 0; i < held_out; ++i) {
    corpus->validation->copy(last * i / std::max<std::uint32_t>(1, held_out - 1), row<std::int64_t>(judged.inputs, i));
  }
  const auto draw = [corpus, length, size](const Batch& batch) {
    Examples examples{at::empty({batch.count, length}, at::kLong), {}};
    for (std::uint32_t i = 0; i < batch.count; ++i) {
      const auto start =
          window_start(WindowOrder::independent, corpus->training->size(), size, batch.stream, batch.first + i);
      corpus->training->copy(start, row<std::int64_t>(examples.inputs, i));
    }
    return examples;
  };
  return with_held_out(draw, judged);
}

}  // namespace normdescent
