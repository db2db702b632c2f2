// SPDX-License-Identifier: Apache-2.0
// What the processes of one run say to each other. No LibTorch in this header: c10d_group.hpp makes groups of
// processes, local_group.hpp groups of threads, the reference twin.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace normdescent {

/// Another process has died, hangs, or does something else. What was being exchanged is lost; the group cannot go on.
class ProcessGroupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What one rank has sent: payload of the algorithms, without headers of the network.
struct Traffic {
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
};

/// One rank's end of a group. All ranks call the same operations in the same order with the same sizes, one at a time.
/// Every operation throws ProcessGroupError, naming it, within about the group's timeout if a rank does not take part.
class ProcessGroup {
 public:
  ProcessGroup(int rank, int size) : rank_(rank), size_(size) {}
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  virtual ~ProcessGroup() = default;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

  /// values <- sum over the ranks, the same bits everywhere. A ring sends 2 (N - 1) / N of the bytes.
  void all_reduce(std::span<float> values);
  /// `all` <- what the ranks hold in `mine`, in their order; all.size() = size() mine.size().
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all);
  /// Block s of `mine` goes to rank s; block s of `theirs` comes from there. size() blocks of one size.
  void all_to_all(std::span<const std::byte> mine, std::span<std::byte> theirs);
  /// What rank `root` holds, everywhere. Sent along a binomial tree.
  void broadcast(std::span<std::byte> bytes, int root = 0);
  /// Returns when every rank has called it.
  void barrier();

  [[nodiscard]] Traffic traffic() const { return traffic_; }

 private:
  virtual void do_all_reduce(std::span<float> values) = 0;
  virtual void do_all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  virtual void do_all_to_all(std::span<const std::byte> mine, std::span<std::byte> theirs) = 0;
  virtual void do_broadcast(std::span<std::byte> bytes, int root) = 0;
  virtual void do_barrier() = 0;

  void count(std::uint64_t bytes);

  int rank_;
  int size_;
  Traffic traffic_;
};

/// How long an operation waits for the other ranks.
inline constexpr std::chrono::milliseconds kDefaultProcessTimeout = std::chrono::minutes(2);

/// Blocks of different sizes, in the order of the ranks: two all_gathers, the second padded to the largest block.
[[nodiscard]] std::vector<std::vector<std::byte>> all_gather_blocks(ProcessGroup& group,
                                                                    std::span<const std::byte> mine);
/// Rank 0's text, everywhere.
[[nodiscard]] std::string broadcast_text(ProcessGroup& group, const std::string& text);

}  // namespace normdescent
