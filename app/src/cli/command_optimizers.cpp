// SPDX-License-Identifier: Apache-2.0
// optimizers list: every optimizer with its update, geometry, options and defaults.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "option_checks.hpp"
#include "text_table.hpp"

namespace normdescent::cli {
namespace {

nlohmann::json to_json(const OptimizerInfo& info) {
  auto options = nlohmann::json::array();
  for (const auto& option : info.options) {
    options.push_back({{"name", option.name},
                       {"default", option.default_value},
                       {"domain", option.domain},
                       {"meaning", option.meaning}});
  }
  return {{"name", info.name},
          {"title", info.title},
          {"update", info.summary},
          {"geometry", info.geometry.name()},
          {"learning_rate", info.default_learning_rate},
          {"options", options}};
}

void print_text(std::ostream& out) {
  for (const auto& info : optimizer_catalog()) {
    out << info.name << "  (" << info.title << ", geometry " << info.geometry.name() << ")\n  " << info.summary << '\n';
    TextTable table({{"  option"}, {"default"}, {"domain"}, {"meaning"}});
    for (const auto& option : info.options) {
      table.add_row({"  " + option.name, option.default_value, option.domain, option.meaning});
    }
    table.print(out);
    out << '\n';
  }
  out << "Set an option with --set NAME=VALUE; eta is learning_rate.\n";
}

int list_optimizers(bool json, Session& session) {
  if (!json) {
    print_text(session.out);
    return kDone;
  }
  auto optimizers = nlohmann::json::array();
  for (const auto& info : optimizer_catalog()) optimizers.push_back(to_json(info));
  print_document(session.out, nlohmann::json{{"optimizers", optimizers}});
  return kDone;
}

}  // namespace

void add_optimizers(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("optimizers", "List the optimizers, or explain one");
  command->require_subcommand(1);
  auto* const list = command->add_subcommand("list", "All optimizers: update, geometry, options with defaults");
  const auto json = std::make_shared<bool>(false);
  add_json(*list, *json);
  list->callback([&chosen, json] { chosen = [json](Session& session) { return list_optimizers(*json, session); }; });
}

}  // namespace normdescent::cli
