// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

#include "program.hpp"
#include "stop_signal.hpp"

int main(int argc, char** argv) {
  const normdescent::cli::StopSignal stop;
  normdescent::cli::Session session{.out = std::cout,
                                    .err = std::cerr,
                                    .err_is_terminal = isatty(STDERR_FILENO) == 1,
                                    .command_line = {},
                                    .arguments = {},
                                    .stop = stop.token()};
  return normdescent::cli::run_program(std::vector<std::string>(argv + 1, argv + argc), session);
}
