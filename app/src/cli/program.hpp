// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "session.hpp"

namespace normdescent::cli {

/// The whole program: understands `arguments` (without the program's name), runs the command, and turns every exception
/// into one line on session.err and an exit code.
[[nodiscard]] int run_program(std::span<const std::string> arguments, Session& session);

}  // namespace normdescent::cli
