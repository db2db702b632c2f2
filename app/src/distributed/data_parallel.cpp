// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/data_parallel.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "reducer.hpp"

namespace normdescent {

namespace {

using distributed::Combiner;
using distributed::MeanCombiner;
using distributed::Reducer;
using distributed::VoteCombiner;

std::unique_ptr<Combiner> make_combiner(Combination combination, ProcessGroup& group) {
  if (combination == Combination::majority_vote) return std::make_unique<VoteCombiner>(group);
  return std::make_unique<MeanCombiner>(group);
}

/// Position of the first tensor whose gradient is not finite; kAllFinite: there is none.
constexpr std::int64_t kAllFinite = std::numeric_limits<std::int64_t>::max();
std::int64_t first_nonfinite(std::span<const Parameter> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    float sum = 0.0F;  // 0 g is NaN for an infinite g
    for (const float g : parameters[i].gradient) sum += 0.0F * g;
    if (!std::isfinite(sum)) return static_cast<std::int64_t>(i);
  }
  return kAllFinite;
}

class DataParallelObjective final : public Objective {
 public:
  DataParallelObjective(std::unique_ptr<Objective> inner, ProcessGroup& group, const DataParallelOptions& options,
                        std::stop_token local_stop, std::stop_source stop)
      : inner_(std::move(inner)),
        group_(group),
        combination_(options.combination),
        local_stop_(std::move(local_stop)),
        stop_(std::move(stop)),
        combiner_(make_combiner(options.combination, group)),
        reducer_(*combiner_, inner_->parameters(), options.bucket_bytes) {
    // Votes wait for the whole gradient: they overwrite it, and nobody would see that it was not finite.
    if (combination_ == Combination::majority_vote) return;
    inner_->set_gradient_listener([this](std::size_t first, std::size_t last) {
      for (std::size_t i = last; i-- > first;) reducer_.add(i);
    });
  }

  [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_->parameters(); }
  [[nodiscard]] std::span<Bfloat16* const> rounded_values() override { return inner_->rounded_values(); }
  void trust_rounded_values() override { inner_->trust_rounded_values(); }

  double gradient(const Batch& batch) override {
    const Batch share = share_of(batch, group_.rank(), group_.size());
    const double weight = static_cast<double>(share.count) / batch.count;
    combiner_->begin_step(batch.first / batch.count, weight);
    reducer_.begin();
    const double loss = inner_->gradient(share);
    const bool votes = combination_ == Combination::majority_vote;
    const std::int64_t nonfinite = votes ? first_nonfinite(parameters()) : kAllFinite;
    reducer_.finish();
    return agree({.loss = weight * loss, .nonfinite = nonfinite, .stop = local_stop_.stop_requested() ? 1 : 0});
  }

  double loss(const Batch& batch) override {
    const Batch share = share_of(batch, group_.rank(), group_.size());
    const double weight = static_cast<double>(share.count) / batch.count;
    return agree({.loss = weight * inner_->loss(share)});
  }

  double validation_loss() override {
    double loss = inner_->validation_loss();
    group_.broadcast(std::as_writable_bytes(std::span(&loss, 1)));  // processors of different kinds round differently
    return loss;
  }

 private:
  /// What every rank must know of every other one's step.
  struct Note {
    double loss = 0.0;
    std::int64_t nonfinite = kAllFinite;
    std::int64_t stop = 0;
  };

  double agree(const Note& mine) {
    std::vector<Note> all(static_cast<std::size_t>(group_.size()));
    group_.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
    double loss = 0.0;
    std::int64_t nonfinite = kAllFinite;
    for (const Note& note : all) {
      loss += note.loss;
      nonfinite = std::min(nonfinite, note.nonfinite);
      if (note.stop != 0) stop_.request_stop();
    }
    if (nonfinite != kAllFinite)
      parameters()[static_cast<std::size_t>(nonfinite)].gradient.front() = std::numeric_limits<float>::quiet_NaN();
    return loss;
  }

  std::unique_ptr<Objective> inner_;
  ProcessGroup& group_;
  Combination combination_;
  std::stop_token local_stop_;
  std::stop_source stop_;
  std::unique_ptr<Combiner> combiner_;
  Reducer reducer_;
};

}  // namespace

Batch share_of(const Batch& batch, int rank, int ranks) {
  const auto n = static_cast<std::uint32_t>(ranks);
  const auto r = static_cast<std::uint32_t>(rank);
  if (batch.count < n)
    throw std::invalid_argument("batch size = " + std::to_string(batch.count) + ", must be at least " +
                                std::to_string(ranks) + ", the number of processes");
  const std::uint32_t each = batch.count / n;
  const std::uint32_t larger = batch.count % n;  // the first ones take one more
  return {batch.stream, batch.first + r * each + std::min(r, larger), each + (r < larger ? 1 : 0), batch.step};
}

std::unique_ptr<Objective> make_data_parallel(std::unique_ptr<Objective> inner, ProcessGroup& group,
                                              const DataParallelOptions& options, std::stop_token local_stop,
                                              std::stop_source stop) {
  if (options.bucket_bytes < sizeof(float))
    throw std::invalid_argument("bucket_bytes = " + std::to_string(options.bucket_bytes) + ", must be at least 4");
  return std::make_unique<DataParallelObjective>(std::move(inner), group, options, std::move(local_stop),
                                                 std::move(stop));
}

}  // namespace normdescent
