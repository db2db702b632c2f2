// SPDX-License-Identifier: Apache-2.0
#include "normdescent/scoreboard/run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "counted_problem.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/compare/compare.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

namespace {

using Json = nlohmann::json;
using scoreboard_detail::CountedProblem;

constexpr const char* kSettingsFile = "settings.json";
constexpr double kEvidenceShare = 0.1;  // of a problem's progress bar

std::string utc_time() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

void check_settings(const ScoreboardOptions& options, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw UserError("cannot create " + folder.string() + ": " + error.message());
  const std::filesystem::path path = folder / kSettingsFile;
  const Json now = Json::parse(options.settings());
  if (!std::filesystem::exists(path)) {
    write_text_atomically(path, now.dump(1) + "\n");
    return;
  }
  const Json then = Json::parse(read_text(path), nullptr, false);
  for (const auto& [key, value] : now.items()) {
    const Json before = then.is_object() && then.contains(key) ? then.at(key) : Json(nullptr);
    if (before != value)
      throw UserError(folder.string() + " was made with " + key + " " + before.dump() + ", not " + value.dump(),
                      "continue with the same settings, or take another --out");
  }
}

/// The progress of all problems, from that of one.
class Meter : public RaceObserver {
 public:
  Meter(ScoreboardObserver& observer, std::size_t problems) : observer_(observer), problems_(problems) {}
  void start(std::size_t index, std::string name) {
    index_ = index;
    name_ = std::move(name);
  }
  void evidence(double fraction, std::string_view phase) { report(kEvidenceShare * fraction, phase); }
  void on_progress(int runs_done, int runs_planned) override {
    const double fraction = runs_planned > 0 ? static_cast<double>(runs_done) / runs_planned : 0.0;
    report(kEvidenceShare + (1.0 - kEvidenceShare) * fraction,
           "run " + std::to_string(runs_done) + " of " + std::to_string(runs_planned));
  }

 private:
  void report(double fraction, std::string_view phase) {
    observer_.on_progress((static_cast<double>(index_) + fraction) / static_cast<double>(problems_),
                          name_ + ": " + std::string(phase));
  }

  ScoreboardObserver& observer_;
  std::size_t problems_;
  std::size_t index_ = 0;
  std::string name_;
};

std::string prediction_text(const ProblemRecord& record, const Prediction& prediction) {
  const auto& fitted_on = shipped_calibration().problems;
  const Json content = {{"problem", record.problem},
                        {"written", utc_time()},
                        {"version", kVersion},
                        {"evidence_hash", hash_of(evidence_text(record))},
                        {"fitted_on_this_problem", std::ranges::find(fitted_on, record.problem) != fitted_on.end()},
                        {"prediction", Json::parse(prediction.to_json())}};
  return sealed(content.dump());
}

class Scoreboard {
 public:
  Scoreboard(const ScoreboardOptions& options, const std::filesystem::path& folder, ScoreboardObserver& observer,
             const std::stop_token& stop, std::size_t problems)
      : options_(options), folder_(folder), observer_(observer), stop_(stop), meter_(observer, problems) {
    CompareOptions names;
    names.optimizers = options.optimizers;
    contestants_ = names.contestants();
  }

  /// False: stopped.
  bool run(const RacedProblem& raced, std::size_t index) {
    meter_.start(index, raced.name);
    meter_.evidence(0.0, "looking");
    const std::filesystem::path own = folder_ / raced.name;
    if (const auto done = read_record(own)) {
      check_plan(*done, raced);
      return true;
    }
    if (stop_.stop_requested()) return false;
    CountedProblem problem(raced.make());
    std::filesystem::create_directories(own);
    ProblemRecord record;
    if (!has_prediction(own)) {
      record = {.problem = raced.name,
                .family = raced.family,
                .plan = {.steps = raced.steps, .batch_size = static_cast<double>(problem.batch_size())},
                .evidence = {},
                .evidence_cost = {},
                .race = {},
                .race_cost = {}};
      if (!gather(problem, record)) return !stop_.stop_requested();
      predict_and_write(record, own);
    } else {
      record = read_evidence(own);
      check_plan(record, raced);
    }
    return race_and_write(problem, record, own);
  }

 private:
  static bool has_prediction(const std::filesystem::path& own) {
    const std::filesystem::path path = own / kPredictionFile;
    if (!std::filesystem::exists(path)) return false;
    const Json content = Json::parse(unsealed(read_text(path), path));
    if (content.value("evidence_hash", "") != hash_of(read_text(own / kEvidenceFile)))
      throw UserError((own / kEvidenceFile).string() + " is not the evidence that " + path.string() +
                      " was made from: its hash does not match");
    return true;
  }

  void check_plan(const ProblemRecord& record, const RacedProblem& raced) const {
    if (record.plan.steps == raced.steps) return;
    throw UserError((folder_ / raced.name).string() + " was raced over " + std::to_string(record.plan.steps) +
                        " steps, not " + std::to_string(raced.steps),
                    "remove that folder to race it again");
  }

  bool gather(CountedProblem& problem, ProblemRecord& record) {
    EvidenceOptions options = options_.evidence;
    options.steps = record.plan.steps;
    options.seed = options_.seed;
    options.threads = options_.threads;
    options.divergence_factor = options_.race.divergence_factor;
    (void)problem.take_cost();
    record.evidence = gather_evidence(
        problem, contestants_, options,
        [&](double fraction, std::string_view phase) { meter_.evidence(fraction, phase); }, stop_);
    record.evidence_cost = problem.take_cost();
    if (record.evidence.probe.status == ProbeStatus::completed) return true;
    if (!stop_.stop_requested()) observer_.on_left_out(record.problem, record.evidence.probe.reason);
    return false;
  }

  void predict_and_write(const ProblemRecord& record, const std::filesystem::path& own) {
    std::vector<Entrant> entrants;
    for (const Contestant& contestant : contestants_) entrants.push_back(entrant_of(contestant));
    const Prediction prediction =
        predict_from_evidence(record.evidence, entrants, {.plan = record.plan, .seed = options_.seed});
    write_text_atomically(own / kEvidenceFile, evidence_text(record));
    write_text_atomically(own / kPredictionFile, prediction_text(record, prediction));
    observer_.on_prediction(record, prediction);
  }

  bool race_and_write(CountedProblem& problem, ProblemRecord& record, const std::filesystem::path& own) {
    RaceOptions options = options_.race;
    options.steps = record.plan.steps;
    options.seed = options_.seed;
    options.threads = options_.threads;
    options.evaluate_every = std::max<std::int64_t>(1, record.plan.steps / options_.curve_points);
    (void)problem.take_cost();
    record.race =
        race(problem, centred_by_short_race(contestants_, record.evidence, options.steps), options, meter_, stop_);
    record.race_cost = problem.take_cost();
    if (record.race.was_stopped) return false;
    write_text_atomically(own / kRaceFile, race_text(record, hash_of(read_text(own / kPredictionFile))));
    observer_.on_raced(record);
    return true;
  }

  const ScoreboardOptions& options_;
  const std::filesystem::path& folder_;
  ScoreboardObserver& observer_;
  const std::stop_token& stop_;
  Meter meter_;
  std::vector<Contestant> contestants_;
};

}  // namespace

std::string ScoreboardOptions::settings() const {
  Json pilots = Json::array();
  for (const PilotKind& pilot : evidence.probe.pilots) pilots.push_back(pilot.optimizer);
  const Json json = {{"optimizers", optimizers},
                     {"seed", seed},
                     {"final_seeds", race.final_seeds},
                     {"search_seeds", race.search_seeds},
                     {"grid_factor", race.grid_factor},
                     {"max_rates", race.max_rates},
                     {"warmup_fraction", race.warmup_fraction},
                     {"divergence_factor", race.divergence_factor},
                     {"curve_points", curve_points},
                     {"micro_batches", evidence.probe.micro_batches},
                     {"pilot_micro_batches", evidence.probe.pilot_micro_batches},
                     {"matrix_samples", evidence.probe.matrix_samples},
                     {"search_repetitions", evidence.probe.search_repetitions},
                     {"repetitions", evidence.probe.repetitions},
                     {"pilot_repetitions", evidence.probe.pilot_repetitions},
                     {"pilots", pilots},
                     {"pilot_steps", evidence.probe.pilot_steps},
                     {"pilot_tries", evidence.probe.pilot_tries},
                     {"short_share", evidence.short_share},
                     {"ladder_share", evidence.ladder_share},
                     {"ladder_rates", evidence.ladder_rates},
                     {"fewest_steps", evidence.fewest_steps}};
  return json.dump();
}

bool run_scoreboard(std::span<const RacedProblem> problems, const ScoreboardOptions& options,
                    const std::filesystem::path& folder, ScoreboardObserver& observer, const std::stop_token& stop) {
  RaceOptions race_options = options.race;
  race_options.threads = options.threads;
  race_options.validate();
  check_settings(options, folder);
  Scoreboard scoreboard(options, folder, observer, stop, problems.size());
  for (std::size_t i = 0; i < problems.size(); ++i) {
    if (!scoreboard.run(problems[i], i)) return false;
  }
  return true;
}

std::vector<ProblemRecord> read_records(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / kSettingsFile))
    throw UserError("there is no scoreboard in " + folder.string(), "normdescent scoreboard --out DIR makes one");
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  std::vector<ProblemRecord> records;
  for (const auto& own : folders) {
    if (auto record = read_record(own)) records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace normdescent
