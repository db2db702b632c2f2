// SPDX-License-Identifier: Apache-2.0
// Options that many commands have, with one wording of help and one check each.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace normdescent::cli {

/// Refuses what is no integer in [low, high], in words: "'abc' is not an integer above 0".
[[nodiscard]] CLI::Validator integer(std::int64_t low, std::int64_t high = INT64_MAX);
/// Refuses what is no finite number above 0.
[[nodiscard]] CLI::Validator positive_number();
/// The same for numbers of at least 0.
[[nodiscard]] CLI::Validator non_negative_number();

CLI::Option* add_json(CLI::App& command, bool& json);
CLI::Option* add_seed(CLI::App& command, std::uint64_t& seed);
/// Default: every processor this process may use.
CLI::Option* add_threads(CLI::App& command, int& threads);
CLI::Option* add_out(CLI::App& command, std::string& folder, const std::string& what);

/// --set NAME=VALUE, repeatable: an option of the optimizer.
CLI::Option* add_settings(CLI::App& command, std::vector<std::string>& settings);
/// {"beta=0.9"} -> {{"beta", "0.9"}}. Throws UserError for a text without "=" or a name given twice.
[[nodiscard]] std::map<std::string, std::string> parse_settings(const std::vector<std::string>& settings);

/// Threads this process may run at a time (affinity and cgroups of the affinity kind respected).
[[nodiscard]] int available_threads();

}  // namespace normdescent::cli
