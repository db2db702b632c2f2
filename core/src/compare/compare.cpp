// SPDX-License-Identifier: Apache-2.0
#include "normdescent/compare/compare.hpp"

#include <chrono>
#include <cmath>
#include <stdexcept>

#include "normdescent/compare/evidence.hpp"
#include "normdescent/optimizers/catalog.hpp"

namespace normdescent {

namespace {

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Keeps the result up to date as runs come in, then passes the event on.
class Recorder : public RaceObserver {
 public:
  Recorder(CompareResult& result, CompareObserver& next) : result_(result), next_(next) {}

  void on_progress(int runs_done, int runs_planned) override { next_.on_progress(runs_done, runs_planned); }
  void on_run_finished(const RunRecord& run) override { next_.on_run_finished(run); }
  void on_result(const RaceResult& so_far) override {
    result_.race = so_far;
    publish();
    next_.on_result(so_far);
  }

  void publish() {
    result_.total_seconds = total_.seconds();
    next_.on_update(result_);
  }

 private:
  CompareResult& result_;
  CompareObserver& next_;
  Stopwatch total_;
};

bool is_sgd_with_momentum(const std::string& name) { return name == "sgd-momentum"; }

}  // namespace

std::map<std::string, double> CompareOptions::default_grid_centres() {
  // Best rates of the nano GPT on the default corpus, 100-120 steps (docs/decisions/race.md). They only save runs: the
  // grid extends from wherever it starts.
  return {{"sgd", 0.05},  {"sgd-momentum", 0.01}, {"normalized-sgd", 0.3}, {"signsgd", 1e-3}, {"signum", 4e-4},
          {"lion", 4e-4}, {"muon", 6e-3},         {"muonlight", 6e-3},     {"adamw", 1.2e-3}};
}

std::vector<Contestant> CompareOptions::contestants() const {
  std::vector<Contestant> contestants;
  for (const auto& name : optimizers) {
    OptimizerSpec spec = is_sgd_with_momentum(name) ? sgd({.learning_rate = 0.01, .beta = 0.9, .nesterov = true})
                                                    : make_optimizer(name);
    if (const auto centre = learning_rates.find(name); centre != learning_rates.end()) {
      const double rate = centre->second;
      if (!(std::isfinite(rate) && rate > 0.0))
        throw std::invalid_argument("learning_rate of " + name + " = " + std::to_string(rate) + ", must be positive");
      spec = spec.with_learning_rate_scaled(rate / learning_rate_of(spec));
    }
    for (const auto& other : contestants) {
      if (other.name == name) throw std::invalid_argument("optimizers = " + name + " twice, must be distinct");
    }
    contestants.push_back({name, std::move(spec)});
  }
  for (const Contestant& each : own) {
    for (const auto& other : contestants) {
      if (other.name == each.name) throw std::invalid_argument("own = " + each.name + " twice, must be distinct");
    }
    contestants.push_back(each);
  }
  if (contestants.empty()) throw std::invalid_argument("optimizers = none, must be at least one");
  return contestants;
}

CompareResult compare(const Problem& problem, const CompareOptions& options, CompareObserver& observer,
                      const std::stop_token& stop) {
  const std::vector<Contestant> contestants = options.contestants();
  RaceOptions race_options = options.race;
  race_options.seed = options.seed;
  race_options.threads = options.threads;
  race_options.validate();

  CompareResult result;
  Recorder recorder(result, observer);
  const Stopwatch probe_watch;
  EvidenceOptions evidence_settings =
      evidence_options(options.probe, race_options.steps, options.seed, options.threads);
  evidence_settings.divergence_factor = race_options.divergence_factor;
  const Evidence evidence = gather_evidence(
      problem, contestants, evidence_settings,
      [&](double fraction, std::string_view phase) { observer.on_probe_progress(fraction, phase); }, stop);
  result.probe = evidence.probe;
  result.probe_seconds = probe_watch.seconds();
  observer.on_probe_progress(1.0, "probe done");
  recorder.publish();
  if (!stop.stop_requested()) {
    std::vector<Entrant> entrants;
    for (const auto& contestant : contestants) entrants.push_back(entrant_of(contestant));
    result.prediction = predict_from_evidence(
        evidence, entrants,
        {.plan = {.steps = race_options.steps, .batch_size = static_cast<double>(problem.batch_size())},
         .seed = options.seed});
    recorder.publish();
    observer.on_prediction(result.probe, result.prediction);

    const Stopwatch race_watch;
    result.race = race(problem, contestants, race_options, recorder, stop);
    result.race_seconds = race_watch.seconds();
    result.is_complete = !result.race.was_stopped;
  }
  const Judgement judgement = judge(result.prediction, result.race);
  result.prediction_was_right = judgement.prediction_was_right;
  result.verdict = judgement.verdict;
  recorder.publish();
  return result;
}

}  // namespace normdescent
