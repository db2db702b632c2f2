// SPDX-License-Identifier: Apache-2.0
// probe: measures geometry and noise at the start of a training run and predicts the race, without racing.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/compare/compare.hpp"
#include "normdescent/compare/evidence.hpp"
#include "normdescent/predict/predict.hpp"
#include "normdescent/probe/probe.hpp"
#include "normdescent/report/report.hpp"
#include "normdescent/train/run_folder.hpp"
#include "option_checks.hpp"
#include "prediction_text.hpp"
#include "problem_task.hpp"
#include "progress.hpp"

namespace normdescent::cli {
namespace {

struct ProbeCommandOptions {
  ProblemOptions task;
  std::string optimizers;
  CompareOptions defaults;  ///< a probe is the first part of a comparison
  std::int64_t steps = defaults.race.steps;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string out;
  bool json = false;
  bool is_thorough = false;
  bool are_steps_given = false;
};

nlohmann::json result_json(const ProbeCommandOptions& options, const ProblemTask& task, const ProbeReport& report,
                           const Prediction& prediction, const std::string& command_line) {
  auto result = nlohmann::json::parse(report.to_json());
  result.update(nlohmann::json::parse(prediction.to_json()));
  result["version"] = kVersion;
  result["command"] = "probe";
  result["command_line"] = utf8_text(command_line);
  result["seed"] = options.seed;
  result["threads"] = options.threads;
  result["complete"] = report.status == ProbeStatus::completed;
  const TaskDescription& data = task.description;
  result["task"] = {{"kind", data.kind},
                    {"data", utf8_text(data.data)},
                    {"data_hash", data.data_hash},
                    {"model", utf8_text(data.model)},
                    {"parameters", task.parameters},
                    {"batch", data.batch},
                    {"context", data.context},
                    {"steps", options.steps}};
  result["seconds"] = {{"probe", report.seconds}};
  return result;
}

int run_probe(ProbeCommandOptions options, Session& session) {
  const ProblemTask task = make_problem_task(options.task);
  if (task.steps && !options.are_steps_given) options.steps = *task.steps;
  std::optional<RunFolder> folder;
  if (!options.out.empty()) folder = RunFolder::create(options.out);
  Evidence evidence;
  options.defaults.probe.is_thorough = options.is_thorough;
  {
    Progress progress(session.err, session.err_is_terminal);
    evidence = gather_evidence(
        *task.problem, options.defaults.contestants(),
        evidence_options(options.defaults.probe, options.steps, options.seed, options.threads),
        [&](double fraction, std::string_view phase) { progress.update("probing", fraction, phase); }, session.stop);
  }
  const ProbeReport& report = evidence.probe;
  Prediction prediction;
  if (report.status == ProbeStatus::completed) {
    prediction = predict_from_evidence(evidence, entrants(options.defaults.optimizers),
                                       {.plan = {.steps = options.steps}, .seed = options.seed});
  }
  const auto result = result_json(options, task, report, prediction, session.command_line);
  if (folder) {
    folder->write_result(result.dump(2));
    const auto page = write_report(folder->path());
    session.err << "report: " << page.string() << '\n';
  }
  if (options.json) {
    print_document(session.out, result);
  } else {
    print_geometry(session.out, report);
    session.out << '\n';
    print_prediction(session.out, prediction);
  }
  if (report.status == ProbeStatus::completed) return kDone;
  session.err << "normdescent: " << to_string(report.status) << ": " << report.reason << '\n';
  return kFailed;
}

}  // namespace

void add_probe(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("probe", "Measure geometry and noise, predict the race; run none");
  const auto options = std::make_shared<ProbeCommandOptions>();
  add_problem_options(*command, options->task);
  command->add_option("--optimizers", options->optimizers, "Names of `optimizers list`, separated by commas")
      ->type_name("NAMES");
  command->add_option("--steps", options->steps, "Steps of the run that is predicted")
      ->check(integer(1))
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--thorough", options->is_thorough,
                    "Also curvature by Hessian products and the gain of each tensor alone; takes twice as long");
  add_seed(*command, options->seed);
  add_threads(*command, options->threads);
  add_out(*command, options->out, "Write result.json and report.html there; must be new or empty. Default: nothing");
  add_json(*command, options->json);
  command->callback([&chosen, command, options] {
    finish_problem_options(*command, options->task);
    options->are_steps_given = command->count("--steps") > 0;
    if (command->count("--optimizers") > 0) options->defaults.optimizers = parse_optimizers(options->optimizers);
    chosen = [options](Session& session) { return run_probe(*options, session); };
  });
}

}  // namespace normdescent::cli
