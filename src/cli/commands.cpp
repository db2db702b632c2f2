// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include <array>

namespace normdescent::cli {
namespace {

constexpr std::array kCommands{
    &add_bounds,
    &add_report,
};

}  // namespace

void add_all_commands(CLI::App& program, Action& chosen) {
  for (const auto add : kCommands) add(program, chosen);
}

}  // namespace normdescent::cli
