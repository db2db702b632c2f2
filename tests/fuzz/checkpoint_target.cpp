// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a run.
#include "fuzz/checkpoint_run.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "normdescent/train/checkpoint.hpp"

namespace normdescent::fuzz {

/// A run folder with one checkpoint: checksums.txt, position.json, model.safetensors, optimizer.safetensors. It is
/// judged as it is, and read as if its checksums fitted.
void read_checkpoint_folder(std::string_view input) {
  const auto checksums = take_part(input);
  const auto position = take_part(input);
  const auto model = take_part(input);
  let_read({{"checkpoint-3/checksums.txt", checksums},
            {"checkpoint-3/position.json", position},
            {"checkpoint-3/model.safetensors", model},
            {"checkpoint-3/optimizer.safetensors", input}},
           [](const std::filesystem::path& folder) {
             const auto search = find_checkpoint(folder);
             if (!search.newest && search.damaged.empty()) found("a checkpoint that nobody judged");
             CheckpointRun run;
             static_cast<void>(read_checkpoint(folder / "checkpoint-3", run.identity(), *run.objective, run.optimizer));
             static_cast<void>(run.optimizer.state());
           });
}

}  // namespace normdescent::fuzz
