// SPDX-License-Identifier: Apache-2.0
// Fixed random orders of exchangeable samples, for block statistics.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent {

using Order = std::vector<std::size_t>;

inline std::vector<Order> random_orders(std::size_t count, std::size_t number, std::uint64_t seed) {
  std::vector<Order> orders(number, Order(count));
  for (std::size_t j = 0; j < orders.size(); ++j) {
    std::iota(orders[j].begin(), orders[j].end(), std::size_t{0});
    Philox random(seed, j);
    for (std::size_t i = count; i > 1; --i) std::swap(orders[j][i - 1], orders[j][random.below(i)]);
  }
  return orders;
}

}  // namespace normdescent
