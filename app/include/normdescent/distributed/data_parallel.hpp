// SPDX-License-Identifier: Apache-2.0
// One mini-batch shared between the ranks of a group: every rank has the whole model and a part of the examples.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>

#include "normdescent/distributed/process_group.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// The examples of `batch` that a rank takes: contiguous parts in the order of the ranks whose sizes differ by one at
/// most. Throws std::invalid_argument for a batch smaller than the group.
[[nodiscard]] Batch share_of(const Batch& batch, int rank, int ranks);

/// How the ranks' gradients become one.
enum class Combination {
  mean,           ///< weighted by their examples: the gradient of the whole mini-batch
  majority_vote,  ///< the sign that most ranks' gradients have: one bit a coordinate on the wire
};

struct DataParallelOptions {
  Combination combination = Combination::mean;
  std::size_t bucket_bytes = std::size_t{4} << 20U;  ///< of gradients that travel together, >= 4
};

/// `inner`, an instance that every rank of `group` makes from one seed, as an Objective that all ranks call together
/// with the same batches. The loss of a batch is the same number everywhere; so are the gradients, bit for bit.
///
/// mean            g = sum_r (n_r / n) g_r. Buckets of gradients are summed by a thread of their own while the backward
///                 pass goes on, for objectives that announce them (Objective::set_gradient_listener).
/// majority_vote   g = the majority of s_r, +1 or -1. s_r = sign(g_r); a coordinate that is 0 votes by turns, +1 if
///                 its index in its tensor plus step is even, so that it does not drift; ties go to rank (step mod
///                 ranks). step = batch.first / batch.count. Source: Bernstein et al. 2018, arXiv:1802.04434,
///                 section 3.3.
/// A gradient that is not finite at some rank puts NaN into that tensor on all ranks.
///
/// `local_stop` of any rank requests a stop of `stop` on all ranks in the same call of gradient().
/// Every call throws ProcessGroupError if a rank does not take part.
/// Validation is not shared: every rank does all of it and gets the same number.
[[nodiscard]] std::unique_ptr<Objective> make_data_parallel(std::unique_ptr<Objective> inner, ProcessGroup& group,
                                                            const DataParallelOptions& options,
                                                            std::stop_token local_stop = {},
                                                            std::stop_source stop = {});

}  // namespace normdescent
