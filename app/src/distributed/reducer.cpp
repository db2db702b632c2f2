// SPDX-License-Identifier: Apache-2.0
#include "reducer.hpp"

#include <algorithm>
#include <utility>

namespace normdescent::distributed {

Reducer::Reducer(Combiner& combiner, std::span<const Parameter> parameters, std::size_t bucket_bytes)
    : combiner_(combiner),
      parameters_(parameters),
      bucket_size_(bucket_bytes / sizeof(float)),
      is_added_(parameters.size()),
      memory_(bucket_size_),
      thread_([this] { work(); }) {}

Reducer::~Reducer() {
  const std::scoped_lock lock(mutex_);
  is_ending_ = true;
  changed_.notify_all();
}

void Reducer::begin() { std::fill(is_added_.begin(), is_added_.end(), false); }

void Reducer::add(std::size_t parameter) {
  is_added_[parameter] = true;
  const std::span<float> gradient = parameters_[parameter].gradient;
  for (std::size_t first = 0; first < gradient.size();) {
    const std::size_t count = std::min(gradient.size() - first, bucket_size_ - open_size_);
    open_.push_back({gradient.subspan(first, count), first});
    open_size_ += count;
    first += count;
    if (open_size_ == bucket_size_) close_bucket();
  }
}

void Reducer::close_bucket() {
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::exchange(open_, {}));
  open_size_ = 0;
  changed_.notify_all();
}

void Reducer::finish() {
  for (std::size_t i = parameters_.size(); i-- > 0;) {
    if (!is_added_[i]) add(i);
  }
  if (!open_.empty()) close_bucket();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return (waiting_.empty() && !is_busy_) || error_; });
  if (error_) std::rethrow_exception(error_);
}

void Reducer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return !waiting_.empty() || is_ending_; });
    if (is_ending_) return;
    const Bucket bucket = std::move(waiting_.front());
    waiting_.pop_front();
    is_busy_ = true;
    lock.unlock();
    std::exception_ptr error;
    try {
      combine(bucket);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    is_busy_ = false;
    changed_.notify_all();
    if (!error) continue;
    error_ = error;
    return;
  }
}

void Reducer::combine(const Bucket& bucket) {
  std::size_t size = 0;
  for (const auto& [values, first] : bucket) {
    combiner_.take(values, first, std::span(memory_).subspan(size, values.size()));
    size += values.size();
  }
  combiner_.combine(std::span(memory_).first(size));
  const float* from = memory_.data();
  for (const auto& [values, first] : bucket) {
    std::copy_n(from, values.size(), values.begin());
    from += values.size();
  }
}

}  // namespace normdescent::distributed
