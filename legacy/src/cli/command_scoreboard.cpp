// SPDX-License-Identifier: Apache-2.0
// scoreboard: predicts and races the problems of the zoo, and says what the predictions were worth.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>

#include "commands.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/scoreboard/judge.hpp"
#include "normdescent/scoreboard/run.hpp"
#include "normdescent/scoreboard/text.hpp"
#include "option_checks.hpp"
#include "progress.hpp"
#include "text_table.hpp"
#include "zoo_problems.hpp"

namespace normdescent::cli {
namespace {

struct ScoreboardCommandOptions {
  ScoreboardOptions scoreboard;
  bool is_quick = false;
  bool lists = false;
  std::string problems;
  std::string judge;
  std::string fit;
  std::string write_doc;
  std::string out = "scoreboard";
  bool json = false;
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 16> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%d", &utc);
  return text.data();
}

class ScoreboardDisplay final : public ScoreboardObserver {
 public:
  explicit ScoreboardDisplay(Session& session) : progress_(session.err, session.err_is_terminal) {}

  void on_progress(double fraction, std::string_view what) override { progress_.update("scoreboard", fraction, what); }
  void on_prediction(const ProblemRecord& record, const Prediction& prediction) override {
    progress_.note(record.problem + ": predicted " + prediction.favourite);
  }
  void on_raced(const ProblemRecord& record) override {
    progress_.note(record.problem + ": " +
                   (record.race.winner ? *record.race.winner + " won" : "no winner outside the noise") + "; evidence " +
                   duration(record.evidence_cost.seconds) + ", race " + duration(record.race_cost.seconds));
  }
  void on_left_out(const std::string& problem, const std::string& reason) override {
    progress_.note(problem + " is left out: not measurable because " + reason);
  }

 private:
  Progress progress_;
};

int list_problems(bool json, Session& session) {
  if (json) {
    auto problems = nlohmann::json::array();
    for (const ListedProblem& problem : zoo_problems())
      problems.push_back({{"problem", problem.raced.name},
                          {"family", problem.raced.family},
                          {"steps", problem.raced.steps},
                          {"quick", problem.is_quick}});
    session.out << problems.dump(1) << '\n';
    return kDone;
  }
  TextTable table({{"problem"}, {"family"}, {"steps", TextTable::Align::right}, {"quick"}});
  for (const ListedProblem& problem : zoo_problems())
    table.add_row(
        {problem.raced.name, problem.raced.family, grouped(problem.raced.steps), problem.is_quick ? "yes" : ""});
  table.print(session.out);
  return kDone;
}

std::vector<RacedProblem> chosen_problems(const ScoreboardCommandOptions& options) {
  std::vector<RacedProblem> chosen;
  if (options.problems.empty()) {
    for (const ListedProblem& problem : zoo_problems()) {
      if (problem.is_quick || !options.is_quick) chosen.push_back(problem.raced);
    }
    return chosen;
  }
  std::istringstream names(options.problems);
  for (std::string name; std::getline(names, name, ',');) {
    if (std::ranges::find(chosen, name, &RacedProblem::name) != chosen.end())
      throw UserError("problem '" + name + "' is given twice in --problems");
    chosen.push_back(zoo_problem_named(name));
  }
  return chosen;
}

void print_scores(std::ostream& out, const ScoreboardResult& result) {
  using enum TextTable::Align;
  TextTable table({{"predictor"},
                   {"pairs right", right},
                   {"error", right},
                   {"vs AdamW", right},
                   {"covers", right},
                   {"Brier", right},
                   {"favourite best", right}});
  for (const Score& s : result.scores) {
    table.add_row({s.predictor, fixed(100.0 * s.pairs_right, 0) + "%", fixed(std::exp2(s.error_over_sgd), 2),
                   fixed(std::exp2(s.error_over_adamw), 2), fixed(100.0 * s.coverage_over_sgd, 0) + "%",
                   fixed(s.brier, 3), fixed(100.0 * s.favourite_best, 0) + "%"});
  }
  table.print(out);
}

/// Judges what is in `folder`, writes scoreboard.json and scoreboard.md there, and shows it.
int judge_folder(const std::filesystem::path& folder, const ScoreboardCommandOptions& options, Session& session) {
  const std::vector<ProblemRecord> records = read_records(folder);
  if (records.size() < 2)
    throw UserError(folder.string() + " has " + std::to_string(records.size()) +
                        " complete problems, needed are at least 2: each is predicted from the others",
                    "normdescent scoreboard --out DIR runs more");
  const ScoreboardResult result = judge_scoreboard(records);
  const std::string json = scoreboard_json(result, records);
  const std::string page = scoreboard_markdown(result, records, session.command_line, today());
  write_text_atomically(folder / "scoreboard.json", json);
  write_text_atomically(folder / "scoreboard.md", page);
  if (!options.write_doc.empty()) write_text_atomically(options.write_doc, page);
  if (options.json) {
    session.out << json;
  } else {
    print_scores(session.out, result);
    session.out << "\nAll of it: " << (folder / "scoreboard.md").string() << '\n';
  }
  return kDone;
}

/// Writes the calibration of all problems in `folder` as the source file that the library is built with.
int fit_folder(const ScoreboardCommandOptions& options, Session& session) {
  const std::vector<ProblemRecord> records = read_records(options.fit);
  if (records.empty()) throw UserError(options.fit + " has no complete problems to fit");
  std::vector<Example> examples;
  for (const ProblemRecord& record : records) examples.push_back(judged(record).example);
  session.out << examples_source(examples);
  return kDone;
}

int run_command(const ScoreboardCommandOptions& options, Session& session) {
  if (options.lists) return list_problems(options.json, session);
  if (!options.fit.empty()) return fit_folder(options, session);
  if (!options.judge.empty()) return judge_folder(options.judge, options, session);
  const std::vector<RacedProblem> problems = chosen_problems(options);
  bool is_complete = false;
  {
    ScoreboardDisplay display(session);
    is_complete = run_scoreboard(problems, options.scoreboard, options.out, display, session.stop);
  }
  if (!is_complete) {
    session.err << "normdescent: stopped; the same command goes on where it was\n";
    return kFailed;
  }
  if (problems.size() < 2 && read_records(options.out).size() < 2) {
    session.err << "normdescent: one problem alone cannot be judged: run more with the same --out\n";
    return kDone;
  }
  return judge_folder(options.out, options, session);
}

}  // namespace

void add_scoreboard(CLI::App& program, Action& chosen) {
  auto* const command =
      program.add_subcommand("scoreboard", "Predict and race the problems of the zoo; judge the predictions");
  const auto options = std::make_shared<ScoreboardCommandOptions>();
  command->add_flag("--quick", options->is_quick,
                    "The problems that --list marks quick: at most ten minutes on two cores");
  auto* const problems =
      command->add_option("--problems", options->problems, "Names of --list, separated by commas; all by default")
          ->type_name("NAMES");
  problems->excludes("--quick");
  command->add_flag("--list", options->lists, "The problems, and no run");
  command->add_option("--judge", options->judge, "Only judge what is in DIR already")->type_name("DIR");
  command->add_option("--fit", options->fit, "Print src/predict/shipped_examples.cpp: what the races in DIR showed")
      ->type_name("DIR");
  command->add_option("--write-doc", options->write_doc, "Write scoreboard.md to this file too")->type_name("FILE");
  command
      ->add_option("--short-share", options->scoreboard.evidence.short_share,
                   "Steps of the evidence's short race over those of the race; a folder holds one share only")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str()
      ->type_name("X");
  add_seed(*command, options->scoreboard.seed);
  add_threads(*command, options->scoreboard.threads);
  add_out(*command, options->out, "A folder for each problem; what is complete in it is not run again")
      ->capture_default_str();
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return run_command(*options, session); }; });
}

}  // namespace normdescent::cli
