// SPDX-License-Identifier: Apache-2.0
// report: makes the HTML report of a run folder anew.
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/report/report.hpp"

namespace normdescent::cli {

void add_report(CLI::App& program, Action& chosen) {
  struct Options {
    std::string folder;
    bool json = false;
  };
  auto* const command = program.add_subcommand("report", "Make the HTML report of a run folder anew");
  const auto options = std::make_shared<Options>();
  command->add_option("folder", options->folder, "Folder that holds result.json")->required();
  command->add_flag("--json", options->json, "One JSON document on standard output, nothing else");
  command->callback([&chosen, options] {
    chosen = [options](Session& session) {
      const std::string path = write_report(options->folder).string();
      if (options->json) {
        print_document(session.out, nlohmann::json{{"report", utf8_text(path)}});
      } else {
        session.out << path << '\n';
      }
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace normdescent::cli
