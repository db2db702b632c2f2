// SPDX-License-Identifier: Apache-2.0
// What `train --estimate` says.
#pragma once

#include <iosfwd>

#include "normdescent/train/estimate.hpp"

namespace normdescent::cli {

void print_estimate(const TrainingEstimate& estimate, std::int64_t steps, std::int64_t tokens_per_step, bool json,
                    std::ostream& out);

}  // namespace normdescent::cli
