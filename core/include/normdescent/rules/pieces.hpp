// SPDX-License-Identifier: Apache-2.0
// Cuts a list of arrays into pieces of similar cost and runs them on the caller's OpenMP threads in one parallel
// region: thousands of small tensors share pieces, a huge one becomes many. The cut depends on sizes only, never on
// threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstddef>

#include "normdescent/base/view.hpp"

namespace normdescent::rules {

/// Elements in one unit of parallel work: long enough to hide scheduling (under 1 %), short enough to balance two
/// threads on a model of 100k parameters.
inline constexpr Index kPieceElements = 16384;

namespace detail {
// Pieces start at multiples of this inside an array (whole cache lines), and opening an array costs about as much.
inline constexpr Index kLine = 64;

constexpr Index cost(Index size) { return (size + kLine - 1) / kLine * kLine + kLine; }
}  // namespace detail

/// Calls body(array, first, count) until the pieces [first, first + count) cover [0, size(array)) of every array.
/// Concurrent calls never overlap. `body` must not throw. Uses up to omp_get_max_threads() threads.
template <class Size, class Body>
void for_each_piece(std::size_t arrays, const Size& size, const Body& body) {
  Index total = 0;
  for (std::size_t a = 0; a < arrays; ++a) total += detail::cost(size(a));
  const Index pieces = (total + kPieceElements - 1) / kPieceElements;
  const int threads = static_cast<int>(std::min<Index>(omp_get_max_threads(), std::max<Index>(pieces, 1)));
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    // A thread's pieces come in increasing order, so it walks the list of arrays once.
    std::size_t array = 0;
    Index array_begin = 0;
#pragma omp for schedule(monotonic : dynamic) nowait
    for (Index piece = 0; piece < pieces; ++piece) {
      const Index begin = piece * kPieceElements;
      const Index end = std::min(total, begin + kPieceElements);
      while (array_begin + detail::cost(size(array)) <= begin) array_begin += detail::cost(size(array++));
      std::size_t a = array;
      for (Index a_begin = array_begin; a_begin < end; a_begin += detail::cost(size(a++))) {
        const Index first = std::max<Index>(begin - a_begin, 0);
        const Index last = std::min(end - a_begin, size(a));
        if (first < last) body(a, first, last - first);
      }
    }
  }
}

}  // namespace normdescent::rules
