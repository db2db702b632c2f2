// SPDX-License-Identifier: Apache-2.0
#include "combiner.hpp"

#include <algorithm>

namespace normdescent::distributed {

void MeanCombiner::begin_step(std::uint64_t, double weight) { weight_ = static_cast<float>(weight); }

void MeanCombiner::take(std::span<const float> gradient, std::uint64_t, std::span<float> bucket) {
  std::ranges::transform(gradient, bucket.begin(), [w = weight_](float g) { return w * g; });
}

void VoteCombiner::begin_step(std::uint64_t step, double) { step_ = step; }

void VoteCombiner::take(std::span<const float> gradient, std::uint64_t first, std::span<float> bucket) {
  const std::uint64_t turn = first + step_;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const float by_turns = (turn + i) % 2 == 0 ? 1.0F : -1.0F;
    bucket[i] = gradient[i] == 0.0F ? by_turns : gradient[i];
  }
}

void VoteCombiner::combine(std::span<float> bucket) {
  const auto ranks = static_cast<std::size_t>(group_.size());
  const std::size_t slice = (bucket.size() + 8 * ranks - 1) / (8 * ranks);  // bytes
  mine_.assign(ranks * slice, std::byte{0});
  theirs_.resize(ranks * slice);
  result_.assign(slice, std::byte{0});
  all_.resize(ranks * slice);

  pack_signs(bucket, mine_);
  group_.all_to_all(mine_, theirs_);
  const std::size_t casting = step_ % ranks;  // the rank whose vote decides ties
  for (std::size_t byte = 0; byte < slice; ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto vote = [&](std::size_t r) {
        return static_cast<std::size_t>(theirs_[r * slice + byte] >> bit & std::byte{1});
      };
      std::size_t ups = 0;
      for (std::size_t r = 0; r < ranks; ++r) ups += vote(r);
      const bool is_up = 2 * ups > ranks || (2 * ups == ranks && vote(casting) == 1);
      if (is_up) result_[byte] |= std::byte{1} << bit;
    }
  }
  group_.all_gather(result_, all_);
  unpack_signs(all_, bucket);
}

void pack_signs(std::span<const float> values, std::span<std::byte> bits) {
  std::size_t i = 0;
  for (std::size_t byte = 0; i < values.size(); ++byte) {
    unsigned packed = 0;
    for (unsigned bit = 0; bit < 8 && i < values.size(); ++bit, ++i) packed |= (values[i] > 0.0F ? 1U : 0U) << bit;
    bits[byte] = static_cast<std::byte>(packed);
  }
}

void unpack_signs(std::span<const std::byte> bits, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_up = (bits[i / 8] >> (i % 8) & std::byte{1}) == std::byte{1};
    values[i] = is_up ? 1.0F : -1.0F;
  }
}

}  // namespace normdescent::distributed
