// SPDX-License-Identifier: Apache-2.0
// lab list, lab run NAME: the experiments that confirm or refute the theory.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/lab/experiment.hpp"
#include "normdescent/report/report.hpp"
#include "normdescent/train/run_folder.hpp"
#include "option_checks.hpp"
#include "text_table.hpp"

namespace normdescent::cli {
namespace {

constexpr std::size_t kWidth = 100;

struct RunOptions {
  std::string name;
  lab::ExperimentOptions experiment;
  std::string out;
  bool json = false;
};

int list_experiments(bool json, Session& session) {
  auto experiments = nlohmann::json::array();
  for (const auto& info : lab::experiment_catalog()) {
    experiments.push_back({{"name", info.name}, {"claim", info.claim}});
    if (!json) session.out << info.name << "\n  " << wrapped(info.claim, kWidth - 2, 2) << '\n';
  }
  if (json) print_document(session.out, nlohmann::json{{"experiments", experiments}});
  return kDone;
}

std::string outcome(const lab::ExperimentResult& result) {
  return result.name + (result.passed() ? ": every check passed" : ": a check failed");
}

void print_checks(const lab::ExperimentResult& result, std::ostream& out) {
  out << wrapped(result.claim, kWidth) << "\n\n";
  TextTable table({{"check"}, {"value", TextTable::Align::right}, {"expected"}, {""}});
  for (const auto& check : result.checks) {
    table.add_row({check.name, significant(check.value, 4), check.expected, check.passed ? "passed" : "FAILED"});
  }
  table.print(out);
  out << '\n' << outcome(result) << '\n';
}

// result.json with what a report needs to say where it comes from, rows.csv, and the report with its charts.
std::string write_files(const lab::ExperimentResult& result, const RunOptions& options, const Session& session) {
  const RunFolder files = RunFolder::create(options.out);
  auto document = nlohmann::ordered_json::parse(lab::to_json(result));
  document["version"] = kVersion;
  document["command"] = "lab";
  document["command_line"] = session.command_line;
  document["verdict"] = outcome(result);
  document["seed"] = options.experiment.seed;
  document["threads"] = options.experiment.threads;
  files.write_result(document.dump(2) + "\n");
  write_text_atomically(files.path() / "rows.csv", lab::to_csv(result));
  return write_report(files.path()).string();
}

int run_experiment(const RunOptions& options, Session& session) {
  const lab::ExperimentResult result = lab::run_experiment(options.name, options.experiment);
  const std::string report = options.out.empty() ? "" : write_files(result, options, session);
  if (options.json) {
    session.out << lab::to_json(result) << '\n';
  } else {
    print_checks(result, session.out);
    if (!report.empty()) session.out << "report: " << report << '\n';
  }
  return result.passed() ? kDone : kFailed;
}

}  // namespace

void add_lab(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("lab", "Experiments that confirm or refute the theory");
  command->require_subcommand(1);

  auto* const list = command->add_subcommand("list", "All experiments and what each one claims");
  const auto json = std::make_shared<bool>(false);
  add_json(*list, *json);
  list->callback([&chosen, json] { chosen = [json](Session& session) { return list_experiments(*json, session); }; });

  auto* const run = command->add_subcommand("run", "Run one; exit code 1 if a check fails");
  const auto options = std::make_shared<RunOptions>();
  run->add_option("name", options->name, "Name from `lab list`")->required();
  run->add_option("--scale", options->experiment.scale, "Multiplies the work; 1 takes at most a minute on two cores")
      ->check(positive_number());
  add_json(*run, options->json);
  add_seed(*run, options->experiment.seed);
  add_threads(*run, options->experiment.threads);
  add_out(*run, options->out, "result.json, rows.csv and report.html");
  run->callback(
      [&chosen, options] { chosen = [options](Session& session) { return run_experiment(*options, session); }; });
}

}  // namespace normdescent::cli
