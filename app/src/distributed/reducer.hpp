// SPDX-License-Identifier: Apache-2.0
// Combines gradients bucket by bucket on a thread of its own, in the order in which they become final.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "combiner.hpp"
#include "normdescent/base/parameter.hpp"

namespace normdescent::distributed {

/// begin, then add each parameter once, in the same order on all ranks, then finish. Between begin and finish nobody
/// else may use the group, and gradients that have been added are the reducer's.
class Reducer {
 public:
  /// The combiner outlives the reducer; so do the parameters' gradients.
  Reducer(Combiner& combiner, std::span<const Parameter> parameters, std::size_t bucket_bytes);
  Reducer(const Reducer&) = delete;
  Reducer& operator=(const Reducer&) = delete;
  ~Reducer();

  void begin();
  void add(std::size_t parameter);
  /// Adds what has not been added and waits. Throws what the combiner threw.
  void finish();

 private:
  /// Coordinates first .. first + values.size() - 1 of a tensor.
  struct Piece {
    std::span<float> values;
    std::uint64_t first;
  };
  using Bucket = std::vector<Piece>;

  void close_bucket();
  void work();
  void combine(const Bucket& bucket);

  Combiner& combiner_;
  std::span<const Parameter> parameters_;
  std::size_t bucket_size_;  // coordinates
  std::vector<bool> is_added_;
  Bucket open_;
  std::size_t open_size_ = 0;
  std::vector<float> memory_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Bucket> waiting_;
  bool is_busy_ = false;
  bool is_ending_ = false;
  std::exception_ptr error_;
  std::jthread thread_;
};

}  // namespace normdescent::distributed
