// SPDX-License-Identifier: Apache-2.0
// The commands. Adding one is a file command_NAME.cpp that defines add_NAME, a declaration here, and a line in
// commands.cpp.
#pragma once

#include <CLI/App.hpp>
#include <functional>

#include "session.hpp"

namespace normdescent::cli {

/// What runs after the command line was understood; returns an exit code.
using Action = std::function<int(Session&)>;

/// Adds a subcommand to `program` that sets `chosen` if it is the one on the command line.
using AddCommand = void(CLI::App& program, Action& chosen);

AddCommand add_bounds;
AddCommand add_compare;
AddCommand add_convert_lr;
AddCommand add_explain;
AddCommand add_export;
AddCommand add_generate;
AddCommand add_lab;
AddCommand add_optimizers;
AddCommand add_probe;
AddCommand add_report;
AddCommand add_scoreboard;
AddCommand add_tokenize;
AddCommand add_train;

/// All of them, in the order of --help.
void add_all_commands(CLI::App& program, Action& chosen);

}  // namespace normdescent::cli
