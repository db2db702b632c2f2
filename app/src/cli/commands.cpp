// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

namespace normdescent::cli {

void add_all_commands(CLI::App& program, Action& chosen) {
  add_compare(program, chosen);
  add_probe(program, chosen);
  add_train(program, chosen);
  add_generate(program, chosen);
  add_export(program, chosen);
  add_bounds(program, chosen);
  add_optimizers(program, chosen);
  add_explain(program, chosen);  // like the next, a subcommand of `optimizers`
  add_convert_lr(program, chosen);
  add_lab(program, chosen);
  add_tokenize(program, chosen);
  add_report(program, chosen);
  add_scoreboard(program, chosen);
}

}  // namespace normdescent::cli
