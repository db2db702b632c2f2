// SPDX-License-Identifier: Apache-2.0
// Which rank steps which parameter, and how the others get the result.
#pragma once

#include <memory>
#include <vector>

#include "normdescent/distributed/process_group.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/step_sharing.hpp"

namespace normdescent {

/// Owner of a parameter that every rank steps for itself.
inline constexpr int kEveryRank = -1;

/// What is worth the exchange of its result.
enum class SharedWork {
  matrices,   ///< steps that orthogonalize or take roots: parameters whose geometry is spectral
  all_state,  ///< every parameter, so that its state is kept by one rank alone (ZeRO, stage 1)
};

/// An owner for each parameter. Spectral ones are spread by the flops of their step, 2 k r^2 q of k matrices with sides
/// r <= q; with `all_state` the others follow by size, so that the ranks' sums of entries come close. Largest first, to
/// the rank that has least. Recipes that look at all their tensors at once stay with every rank, and everything does in
/// an optimizer with corrections, whose points are made of all tensors.
/// Source of ZeRO: Rajbhandari et al. 2020, arXiv:1910.02054; here a tensor is never cut.
[[nodiscard]] std::vector<int> plan_owners(const OptimizerSpec& spec, const std::vector<ParameterInfo>& parameters,
                                           int ranks, SharedWork work);

/// For one rank's Optimizer. Null if no parameter has an owner. The new values of parameters with owners travel in one
/// all_gather, padded to the rank that has most, or, if that more than doubles them, in a broadcast from each owner.
/// `group` must outlive it.
[[nodiscard]] std::shared_ptr<StepSharing> make_step_sharing(ProcessGroup& group,
                                                             const std::vector<ParameterInfo>& parameters,
                                                             std::vector<int> owners);

}  // namespace normdescent
