// SPDX-License-Identifier: Apache-2.0
#include "support/local_group.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace normdescent {

namespace {

/// What one rank brings to an operation.
struct Offer {
  const char* operation = "";
  std::size_t size = 0;
  const std::byte* bytes = nullptr;
};

/// The table around which the ranks meet.
class Meeting {
 public:
  Meeting(int size, std::chrono::milliseconds timeout)
      : size_(size), timeout_(timeout), offers_(static_cast<std::size_t>(size)) {}

  /// Waits until every rank has made its offer. `use` then reads the others' offers, which stay where they are until
  /// every rank is done.
  template <class Use>
  void meet(int rank, const Offer& offer, const Use& use) {
    offers_[static_cast<std::size_t>(rank)] = offer;
    wait(rank, offer.operation);
    for (const Offer& other : offers_) {
      if (std::string_view(other.operation) != offer.operation || other.size != offer.size)
        throw ProcessGroupError(text(rank, offer.operation) + "the ranks do not do the same");
    }
    use(offers_);
    wait(rank, offer.operation);
  }

  void leave(int rank) {
    const std::scoped_lock lock(mutex_);
    if (gone_ < 0) gone_ = rank;
    changed_.notify_all();
  }

 private:
  [[nodiscard]] std::string text(int rank, const char* operation) const {
    return "rank " + std::to_string(rank) + " of " + std::to_string(size_) + ": " + operation + ": ";
  }

  void wait(int rank, const char* operation) {
    std::unique_lock lock(mutex_);
    const std::uint64_t round = round_;
    if (++arrived_ == size_) {
      arrived_ = 0;
      ++round_;
      changed_.notify_all();
      return;
    }
    const bool is_over = changed_.wait_for(lock, timeout_, [&] { return round_ != round || gone_ >= 0; });
    if (round_ != round) return;
    if (!is_over)
      throw ProcessGroupError(text(rank, operation) + "a rank did not answer within " +
                              std::to_string(timeout_.count()) + " ms");
    throw ProcessGroupError(text(rank, operation) + "rank " + std::to_string(gone_) + " has gone");
  }

  int size_;
  std::chrono::milliseconds timeout_;
  std::vector<Offer> offers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  std::uint64_t round_ = 0;
  int gone_ = -1;
};

class LocalGroup final : public ProcessGroup {
 public:
  LocalGroup(Meeting& meeting, int rank, int size) : ProcessGroup(rank, size), meeting_(meeting) {}

 private:
  void do_all_reduce(std::span<float> values) override {
    std::vector<float> sum(values.size());
    const auto bytes = std::as_bytes(values);
    meeting_.meet(rank(), {"all_reduce", bytes.size(), bytes.data()}, [&](const std::vector<Offer>& offers) {
      for (const Offer& offer : offers) {
        const auto* x = reinterpret_cast<const float*>(offer.bytes);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += x[i];
      }
    });
    std::ranges::copy(sum, values.begin());
  }
  void do_all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    meeting_.meet(rank(), {"all_gather", mine.size(), mine.data()}, [&](const std::vector<Offer>& offers) {
      auto out = all.begin();
      for (const Offer& offer : offers) out = std::copy_n(offer.bytes, offer.size, out);
    });
  }
  void do_all_to_all(std::span<const std::byte> mine, std::span<std::byte> theirs) override {
    const std::size_t block = mine.size() / static_cast<std::size_t>(size());
    meeting_.meet(rank(), {"all_to_all", mine.size(), mine.data()}, [&](const std::vector<Offer>& offers) {
      auto out = theirs.begin();
      for (const Offer& offer : offers)
        out = std::copy_n(offer.bytes + static_cast<std::size_t>(rank()) * block, block, out);
    });
  }
  void do_broadcast(std::span<std::byte> bytes, int root) override {
    std::vector<std::byte> heard(bytes.size());
    meeting_.meet(rank(), {"broadcast", bytes.size(), bytes.data()}, [&](const std::vector<Offer>& offers) {
      std::copy_n(offers[static_cast<std::size_t>(root)].bytes, heard.size(), heard.begin());
    });
    std::ranges::copy(heard, bytes.begin());
  }
  void do_barrier() override {
    meeting_.meet(rank(), {"barrier", 0, nullptr}, [](const std::vector<Offer>&) {});
  }

  Meeting& meeting_;
};

}  // namespace

std::vector<std::exception_ptr> run_ranks(int size, const std::function<void(ProcessGroup&)>& work,
                                          std::chrono::milliseconds timeout) {
  if (size < 1) throw std::invalid_argument("size = " + std::to_string(size) + ", must be at least 1");
  Meeting meeting(size, timeout);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < size; ++rank) {
      threads.emplace_back([&, rank] {
        try {
          LocalGroup group(meeting, rank, size);
          work(group);
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
        }
        meeting.leave(rank);
      });
    }
  }
  return errors;
}

}  // namespace normdescent
