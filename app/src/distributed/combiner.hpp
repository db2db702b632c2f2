// SPDX-License-Identifier: Apache-2.0
// How a bucket of the ranks' gradients becomes one. Which tensors are in it is the reducer's business.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "normdescent/distributed/process_group.hpp"

namespace normdescent::distributed {

class Combiner {
 public:
  Combiner() = default;
  Combiner(const Combiner&) = delete;
  Combiner& operator=(const Combiner&) = delete;
  virtual ~Combiner() = default;

  /// Before the buckets of a step.
  virtual void begin_step(std::uint64_t step, double weight) = 0;
  /// Copies coordinates first, first + 1, ... of a tensor into a bucket.
  virtual void take(std::span<const float> gradient, std::uint64_t first, std::span<float> bucket) = 0;
  /// The ranks' buckets become one.
  virtual void combine(std::span<float> bucket) = 0;
};

/// sum_r weight_r g_r
class MeanCombiner final : public Combiner {
 public:
  explicit MeanCombiner(ProcessGroup& group) : group_(group) {}
  void begin_step(std::uint64_t step, double weight) override;
  void take(std::span<const float> gradient, std::uint64_t first, std::span<float> bucket) override;
  void combine(std::span<float> bucket) override { group_.all_reduce(bucket); }

 private:
  ProcessGroup& group_;
  float weight_ = 1.0F;
};

/// Majority of signs. Rank r counts the votes on slice r of the bucket: one all_to_all brings them, one all_gather
/// spreads the results, 2 (N - 1) / N bits a coordinate in all.
class VoteCombiner final : public Combiner {
 public:
  explicit VoteCombiner(ProcessGroup& group) : group_(group) {}
  void begin_step(std::uint64_t step, double weight) override;
  void take(std::span<const float> gradient, std::uint64_t first, std::span<float> bucket) override;
  void combine(std::span<float> bucket) override;

 private:
  ProcessGroup& group_;
  std::uint64_t step_ = 0;
  std::vector<std::byte> mine_, theirs_, result_, all_;
};

/// Bit i is 1 where values[i] > 0; the last bits of the last byte are 0. bits.size() >= values.size() / 8 rounded up.
void pack_signs(std::span<const float> values, std::span<std::byte> bits);
/// +1 for a 1, -1 for a 0.
void unpack_signs(std::span<const std::byte> bits, std::span<float> values);

}  // namespace normdescent::distributed
