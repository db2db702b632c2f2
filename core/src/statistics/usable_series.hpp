// SPDX-License-Identifier: Apache-2.0
// The part of scalar samples that tells of a tail: values that are not one value again and again.
//
// Sparse gradients (embeddings, ReLU, binary features) are exactly 0 in most micro-batches, lattices take few values.
// Such values have no size of their own: sums of them are 0 by chance, their median is 0, and centring by the mean
// turns the zeros into small numbers of arbitrary scale. All of that reads as a heavy tail. What repeats is therefore
// taken out; the tail index of a mixture of zeros and a law is that of the law.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "normdescent/statistics/repeated_values.hpp"
#include "normdescent/statistics/sample_orders.hpp"
#include "normdescent/statistics/tail_index.hpp"

namespace normdescent::tail_detail {

inline constexpr std::size_t kLeastSamples = 16;  ///< that differ, in a series; and micro-batches
/// Readings outside are none: the data grow as those of no tail index, or of too few samples.
inline constexpr double kLowestAlpha = 0.2;
inline constexpr double kHighestAlpha = 50.0;

struct UsableSeries {
  std::vector<double> values;
  std::vector<std::size_t> rows;  ///< the micro-batch of each
};

struct UsableSamples {
  std::vector<UsableSeries> series;  ///< those with kLeastSamples values or more
  std::size_t least = 0;             ///< the lower quartile of their numbers of values
  double repeated = 0.0;             ///< share of all entries that repeat, or are NaN (left out before)
  bool is_finite = true;
};

[[nodiscard]] UsableSamples usable_samples(const ScalarSamples& samples);

/// The micro-batches that group `deleted` of kJackknifeGroups leaves: all for kNoGroup.
[[nodiscard]] bool is_kept(std::size_t row, std::size_t deleted);

/// Less its mean and without the micro-batches of a group.
[[nodiscard]] std::vector<double> centred(const UsableSeries& series, std::size_t deleted);

/// `number` fixed random orders of the places of a series, kept for each length that occurs.
class Orders {
 public:
  Orders(std::uint64_t seed, std::size_t number) : seed_(seed), number_(number) {}
  [[nodiscard]] const std::vector<Order>& of(std::size_t count);

 private:
  std::uint64_t seed_;
  std::size_t number_;
  std::vector<std::vector<Order>> known_;  // by count
};

}  // namespace normdescent::tail_detail
