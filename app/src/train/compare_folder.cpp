// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/compare_folder.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "normdescent/files/json_lines.hpp"

namespace normdescent {
namespace {

/// Writes files as events come, then passes the events on.
class FolderObserver final : public CompareObserver {
 public:
  FolderObserver(const RunFolder& folder, const TaskDescription& task, const CompareOptions& options,
                 CompareObserver& next)
      : folder_(folder), task_(task), options_(options), next_(next) {}

  void on_progress(int runs_done, int runs_planned) override { next_.on_progress(runs_done, runs_planned); }
  void on_result(const RaceResult& so_far) override { next_.on_result(so_far); }
  void on_probe_progress(double fraction, std::string_view phase) override { next_.on_probe_progress(fraction, phase); }
  void on_prediction(const ProbeReport& probe, const Prediction& prediction) override {
    next_.on_prediction(probe, prediction);
  }
  void on_run_finished(const RunRecord& run) override {
    write_metrics(run);
    next_.on_run_finished(run);
  }
  void on_update(const CompareResult& so_far) override {
    folder_.write_result(result_json(so_far, task_, options_));
    next_.on_update(so_far);
  }

 private:
  void write_metrics(const RunRecord& run) const {
    JsonLinesWriter lines(folder_.race_run(run.contestant, run.learning_rate, run.seed) / "metrics.jsonl");
    for (const auto& point : run.curve) {
      const nlohmann::ordered_json json = {
          {"step", point.step},
          {"tokens", point.step * task_.batch * task_.context},
          {"train_loss", point.train_loss},
          {"val_loss", point.validation_loss},
          {"noise_density",
           point.noise_density < 0.0 ? std::numeric_limits<double>::quiet_NaN() : point.noise_density}};
      lines.append(json.dump());
    }
  }

  const RunFolder& folder_;
  const TaskDescription& task_;
  const CompareOptions& options_;
  CompareObserver& next_;
};

}  // namespace

CompareResult compare_into(const RunFolder& folder, const Problem& problem, const TaskDescription& task,
                           const CompareOptions& options, CompareObserver& observer, const std::stop_token& stop) {
  FolderObserver recorded(folder, task, options, observer);
  return compare(problem, options, recorded, stop);
}

}  // namespace normdescent
