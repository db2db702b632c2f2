// SPDX-License-Identifier: Apache-2.0
// Trajectories on sums of one-dimensional instances with any elementwise rule, inlined. Positions are in units of each
// instance, so that steps which hit its grid are exact.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "normdescent/lab/instances.hpp"
#include "normdescent/lab/random.hpp"
#include "normdescent/rules/rule.hpp"

namespace normdescent::lab {

/// Reads the words of one stream in order.
class WordReader {
 public:
  explicit WordReader(RandomStream stream) : stream_(stream) {}

  std::uint32_t next() {
    if (used_ == words_.size()) refill();
    return words_[used_++];
  }
  /// How many of the next `count` words are below `threshold`.
  std::int64_t count_below(std::uint64_t threshold, std::int64_t count) {
    std::int64_t below = 0;
    while (count > 0) {
      if (used_ == words_.size()) refill();
      const auto take = std::min<std::int64_t>(count, static_cast<std::int64_t>(words_.size() - used_));
      for (std::int64_t i = 0; i < take; ++i) below += words_[used_ + static_cast<std::size_t>(i)] < threshold ? 1 : 0;
      used_ += static_cast<std::size_t>(take);
      count -= take;
    }
    return below;
  }
  [[nodiscard]] double uniform() { return (static_cast<double>(next()) + 0.5) * 0x1.0p-32; }

 private:
  void refill() {
    fill_words(stream_, position_, words_);
    position_ += words_.size();
    used_ = 0;
  }
  RandomStream stream_;
  std::uint64_t position_ = 0;
  std::array<std::uint32_t, 1024> words_;
  std::size_t used_ = 1024;
};

/// What one trajectory did; norms are ||grad f||_1, taken at x_0, ..., x_{T-1} (theory X12).
struct TrajectoryNorms {
  double smallest = std::numeric_limits<double>::infinity();
  double average = 0.0;
  std::int64_t first_below = -1;  ///< first t with norm <= target; -1: none
  std::int64_t steps = 0;         ///< taken: fewer than asked for if the run stopped at the target
  std::vector<double> positions;  ///< at the end, in units
  std::vector<double> farthest;   ///< largest position of each coordinate, the end included
  std::int64_t firing_steps = 0;  ///< steps in which coordinate 0 got a sample that is not zero
};

struct SeparableRunOptions {
  std::int64_t steps = 1;
  std::int64_t batch = 1;
  double target = -1.0;              ///< stop at the first norm <= target
  std::span<double> norms_sum = {};  ///< if not empty (steps long): norms are added here
};

/// `make_rule(unit)` returns the rule on positions: its learning rate is that of x divided by `unit`.
/// Cost per step O(d) plus O(batch) words for each coordinate whose oracle is random.
template <class MakeRule>
TrajectoryNorms run_separable(std::span<const ScalarInstance> instances, const MakeRule& make_rule, RandomStream stream,
                              const SeparableRunOptions& options) {
  using R = decltype(make_rule(1.0));
  struct Coordinate {
    const ScalarInstance* instance;
    R rule;
    double x;
    double y;  // exact gradient at x
    double state;
    double farthest;
    std::uint64_t threshold;  // a word below it fires
  };
  std::vector<Coordinate> coordinates;
  for (const auto& instance : instances) {
    const auto threshold = static_cast<std::uint64_t>(instance.oracle.probability * 0x1.0p32);
    coordinates.push_back({.instance = &instance,
                           .rule = make_rule(instance.unit()),
                           .x = instance.start,
                           .y = instance.gradient(instance.start),
                           .state = 0.0,
                           .farthest = instance.start,
                           .threshold = threshold});
  }
  WordReader reader(stream);
  TrajectoryNorms out;
  double sum = 0.0;
  for (std::int64_t t = 0; t < options.steps; ++t) {
    double norm = 0.0;
    for (const auto& c : coordinates) norm += std::abs(c.y);
    out.smallest = std::min(out.smallest, norm);
    sum += norm;
    if (!options.norms_sum.empty()) options.norms_sum[static_cast<std::size_t>(t)] += norm;
    ++out.steps;
    if (norm <= options.target) {
      out.first_below = t;
      break;
    }
    for (auto& c : coordinates) {
      double g = c.y;
      const RareOracle& oracle = c.instance->oracle;
      if (!oracle.is_exact_at(c.y)) {
        const std::int64_t fired =
            options.batch == 1 ? (reader.next() < c.threshold ? 1 : 0) : reader.count_below(c.threshold, options.batch);
        g = c.y / oracle.probability * (static_cast<double>(fired) / static_cast<double>(options.batch));
      }
      if (&c == coordinates.data() && g != 0.0) ++out.firing_steps;
      const double before = c.x;
      if constexpr (R::state_count == 0) {
        c.rule(c.x, g);
      } else {
        c.rule(c.x, g, c.state);
      }
      if (c.x != before) {
        c.y = c.instance->gradient(c.x);
        c.farthest = std::max(c.farthest, c.x);
      }
    }
  }
  out.average = sum / static_cast<double>(out.steps);
  for (const auto& c : coordinates) {
    out.positions.push_back(c.x);
    out.farthest.push_back(c.farthest);
  }
  return out;
}

}  // namespace normdescent::lab
