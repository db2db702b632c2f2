// SPDX-License-Identifier: Apache-2.0
// The training kernel on a case's windows.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "gpt_case.hpp"
#include "normdescent/gpt/objective.hpp"

namespace normdescent::bench {

/// Windows are random unless the caller reads others.
inline std::unique_ptr<Objective> gpt_objective(const GptCase& c, decltype(GptData::training_windows) windows = {}) {
  GptData data;
  data.context = c.context;
  data.training_windows = windows ? std::move(windows) : [c](const Batch& batch, std::span<std::int64_t> out) {
    random_windows(c, batch, out);
  };
  data.validation_windows =
      std::make_shared<const std::vector<std::int64_t>>(static_cast<std::size_t>(c.context + 1), std::int64_t{0});
  return make_gpt_objective(c.shape, Precision::automatic, std::move(data), /*seed=*/1);
}

}  // namespace normdescent::bench
