// SPDX-License-Identifier: Apache-2.0
// probe: measures geometry and noise at the start of a training run and predicts the race, without racing.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include <omp.h>

#include "commands.hpp"
#include "language_model_task.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/predict/predict.hpp"
#include "normdescent/probe/probe.hpp"
#include "normdescent/report/report.hpp"
#include "normdescent/train/compare.hpp"
#include "normdescent/train/run_folder.hpp"
#include "option_checks.hpp"
#include "prediction_text.hpp"
#include "progress.hpp"

namespace normdescent::cli {
namespace {

struct ProbeCommandOptions {
  LanguageModelOptions task;
  std::string optimizers;
  CompareOptions defaults;  ///< a probe is the first part of a comparison
  std::int64_t steps = defaults.race.steps;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string out;
  bool json = false;
};

nlohmann::json result_json(const ProbeCommandOptions& options, const LanguageModelTask& task, const ProbeReport& report,
                           const Prediction& prediction, const std::string& command_line) {
  auto result = nlohmann::json::parse(report.to_json());
  result.update(nlohmann::json::parse(prediction.to_json()));
  result["version"] = kVersion;
  result["command"] = "probe";
  result["command_line"] = command_line;
  result["seed"] = options.seed;
  result["threads"] = options.threads;
  result["complete"] = report.status == ProbeStatus::completed;
  const CorpusInfo& data = task.corpus->info;
  result["task"] = {{"kind", options.task.task},
                    {"data", data.source},
                    {"data_hash", data.content_hash},
                    {"model", options.task.model},
                    {"parameters", parameter_count(task.options.shape)},
                    {"batch", task.options.batch_size},
                    {"context", task.options.context},
                    {"steps", options.steps}};
  result["seconds"] = {{"probe", report.seconds}};
  return result;
}

int run_probe(const ProbeCommandOptions& options, Session& session) {
  const LanguageModelTask task = make_task(options.task);
  std::optional<RunFolder> folder;
  if (!options.out.empty()) folder = RunFolder::create(options.out);
  omp_set_num_threads(options.threads);

  ProbeOptions probe_options = options.defaults.probe;
  probe_options.seed = options.seed;
  const auto objective = task.problem->instantiate(options.seed);
  ProbeReport report;
  {
    Progress progress(session.err, session.err_is_terminal);
    report = probe(
        *objective, task.problem->batch_size(), probe_options,
        [&](double fraction, std::string_view phase) { progress.update("probing", fraction, phase); }, session.stop);
  }
  Prediction prediction;
  if (report.status == ProbeStatus::completed) {
    prediction = predict({&report, 1}, entrants(options.defaults.optimizers),
                         {.plan = {.steps = options.steps}, .seed = options.seed});
  }
  const auto result = result_json(options, task, report, prediction, session.command_line);
  if (folder) {
    folder->write_result(result.dump(2));
    const auto page = write_report(folder->path());
    session.err << "report: " << page.string() << '\n';
  }
  if (options.json) {
    session.out << result << '\n';
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
  add_task_options(*command, options->task);
  command->add_option("--optimizers", options->optimizers, "Names of `optimizers list`, separated by commas")
      ->type_name("NAMES");
  command->add_option("--steps", options->steps, "Steps of the run that is predicted")
      ->check(whole_number(1))
      ->capture_default_str()
      ->type_name("N");
  add_seed(*command, options->seed);
  add_threads(*command, options->threads);
  add_out(*command, options->out, "Write result.json and report.html there; must be new or empty. Default: nothing");
  add_json(*command, options->json);
  command->callback([&chosen, command, options] {
    if (command->count("--optimizers") > 0) options->defaults.optimizers = parse_optimizers(options->optimizers);
    chosen = [options](Session& session) { return run_probe(*options, session); };
  });
}

}  // namespace normdescent::cli
