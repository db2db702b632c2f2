// SPDX-License-Identifier: Apache-2.0
#include "training_estimate.hpp"

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "json_document.hpp"
#include "normdescent/base/text.hpp"

namespace normdescent::cli {

void print_estimate(const TrainingEstimate& estimate, std::int64_t steps, std::int64_t tokens_per_step, bool json,
                    std::ostream& out) {
  const double seconds = estimate.seconds_per_step * static_cast<double>(steps);
  const double tokens_per_second = static_cast<double>(tokens_per_step) / estimate.seconds_per_step;
  if (json) {
    print_document(out, nlohmann::json{{"memory_bytes",
                                        {{"peak", estimate.peak()},
                                         {"program", estimate.program},
                                         {"parameters", estimate.parameters},
                                         {"gradients", estimate.gradients},
                                         {"optimizer_state", estimate.optimizer_state},
                                         {"activations", estimate.activations},
                                         {"checkpoint_copies", estimate.checkpoint_copies}}},
                                       {"seconds_per_step", estimate.seconds_per_step},
                                       {"tokens_per_second", tokens_per_second},
                                       {"steps", steps},
                                       {"seconds", seconds}});
    return;
  }
  const auto line = [&](std::string name, std::uint64_t bytes) {
    name.resize(28, ' ');
    out << name << fixed(static_cast<double>(bytes) / 1e6, 1) << " MB\n";
  };
  line("memory at its peak", estimate.peak());
  line("  program and data", estimate.program);
  line("  parameters", estimate.parameters);
  line("  gradients", estimate.gradients);
  line("  optimizer state", estimate.optimizer_state);
  line("  activations and scratch", estimate.activations);
  line("  copies for a checkpoint", estimate.checkpoint_copies);
  out << "a step " << significant(estimate.seconds_per_step) << " s, " << fixed(tokens_per_second, 0)
      << " tokens a second; " << steps << " steps " << duration(seconds) << ", without validation\n";
}

}  // namespace normdescent::cli
