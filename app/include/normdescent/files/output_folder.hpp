// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace normdescent {

/// Whether a command of this program wrote the folder: a JSON document in it (result.json, model.json, run.json) names
/// the command, shards lie beside the tokens.json that speaks of them, or weights beside their config.json. Text that is
/// looked for in a folder of data is not looked for there: a run whose output lies inside its data would be another run
/// the next time.
[[nodiscard]] bool is_output_folder(const std::filesystem::path& folder);

}  // namespace normdescent
