// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "member.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/train/checkpoint.hpp"
#include "normdescent/train/model_record.hpp"
#include "normdescent/train/training_record.hpp"
#include "recorder.hpp"

namespace normdescent {

namespace {

std::string describe_schedule(const TrainerOptions& options) {
  const Schedule schedule = train_detail::training_options(options).schedule();
  return std::string(to_string(schedule.decay)) + ", " + std::to_string(schedule.warmup_steps) + " steps of warm-up";
}

/// Whether a run began here and ended before its first checkpoint.
bool holds_a_beginning(const std::filesystem::path& folder) {
  for (const char* file : {kMetricsFile, kModelRecordFile, kRunRecordFile})
    if (std::filesystem::exists(folder / file)) return true;
  bool holds_partial = false;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename() == kLockFile) continue;
    if (entry.path().extension() != ".partial") return false;
    holds_partial = true;
  }
  return holds_partial;
}

/// Empty: continue at the start.
std::optional<Checkpoint> resume(const std::filesystem::path& folder, const RunIdentity& identity,
                                 const TrainerOptions& options, train_detail::Member& member,
                                 TrainerObserver& observer) {
  const auto search = find_checkpoint(folder);
  if (!search.newest) {
    if (!search.damaged.empty())
      throw UserError("no checkpoint in " + folder.string() + " is valid; of the newest, " +
                          search.damaged.front().folder.filename().string() + ", " + search.damaged.front().defect,
                      "start the run again in another folder; nothing was changed in this one");
    if (!holds_a_beginning(folder))
      throw UserError("no checkpoint in " + folder.string(), "start the run without resume");
    observer.on_resume(0);
    return std::nullopt;
  }
  Checkpoint checkpoint = train_detail::start_at(*search.newest, identity, options, member);
  for (const auto& damaged : search.damaged) observer.on_damaged_checkpoint(damaged, set_aside(damaged.folder));
  observer.on_resume(checkpoint.position.step);
  return checkpoint;
}

}  // namespace

namespace train_detail {

TrainingOptions training_options(const TrainerOptions& options) {
  return {.steps = options.steps,
          .warmup_fraction = options.warmup_fraction,
          .decay = options.decay,
          .evaluate_every = options.evaluate_every,
          .divergence_factor = options.divergence_factor,
          .on_nonfinite = options.on_nonfinite,
          .stream = training_stream(options.seed)};
}

Checkpoint start_at(const std::filesystem::path& checkpoint_folder, const RunIdentity& identity,
                    const TrainerOptions& options, Member& member) {
  const Checkpoint saved = read_position(checkpoint_folder);
  RunIdentity its_own = identity;
  if (saved.identity.steps < identity.steps && saved.identity.schedule == identity.schedule) {
    if (!can_lengthen(options, saved.identity.steps, saved.position.step))
      throw UserError("cannot resume from " + checkpoint_folder.string() + ": its steps is " +
                          std::to_string(saved.identity.steps) + ", not " + std::to_string(identity.steps) +
                          ": the learning rate of its first " + std::to_string(saved.position.step) +
                          " steps would have been another (" + identity.schedule + ")",
                      "only a constant schedule, or one that has not begun to decay, can be lengthened");
    its_own.steps = saved.identity.steps;
  }
  return read_checkpoint(checkpoint_folder, its_own, *member.objective, member.optimizer);
}

}  // namespace train_detail

RunIdentity identity_of(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options) {
  return {.problem = problem.name(),
          .optimizer = spec.name,
          .learning_rate = learning_rate_of(spec),
          .schedule = describe_schedule(options),
          .steps = options.steps,
          .batch_size = problem.batch_size(),
          .seed = options.seed,
          .task = options.task};
}

bool can_lengthen(const TrainerOptions& options, std::int64_t planned, std::int64_t done) {
  TrainerOptions before = options;
  before.steps = planned;
  before.warmup_fraction = same_warmup(options.warmup_fraction, options.steps, planned);
  const Schedule old_schedule = train_detail::training_options(before).schedule();
  const Schedule new_schedule = train_detail::training_options(options).schedule();
  for (std::int64_t step = 0; step < done; ++step)
    if (old_schedule.factor(step) != new_schedule.factor(step)) return false;
  return planned <= options.steps && old_schedule.warmup_steps == new_schedule.warmup_steps;
}

double same_warmup(double warmup_fraction, std::int64_t planned, std::int64_t steps) {
  const auto warmup_steps = std::llround(warmup_fraction * static_cast<double>(planned));
  return std::min(1.0, static_cast<double>(warmup_steps) / static_cast<double>(steps));
}

void TrainerOptions::validate() const {
  train_detail::training_options(*this).validate();
  const auto refuse = [](const char* field, std::int64_t value, const char* domain) {
    throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + domain);
  };
  if (checkpoint_every < 0) refuse("checkpoint_every", checkpoint_every, "0 (only at the end) or more");
  if (keep_checkpoints < 1) refuse("keep_checkpoints", keep_checkpoints, "at least 1");
  if (monitor_every < 0) refuse("monitor_every", monitor_every, "0 (never) or more");
  if (tokens_per_example < 1) refuse("tokens_per_example", tokens_per_example, "at least 1");
}

TrainingReport train(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                     const RunFolder& folder, TrainerObserver& observer, const std::stop_token& stop) {
  options.validate();
  auto member = train_detail::make_member(problem, spec, options, stop);
  const RunIdentity identity = identity_of(problem, spec, options);
  std::optional<Checkpoint> start;
  if (options.resume) start = resume(folder.path(), identity, options, member, observer);
  train_detail::tell_start(options.team, identity, start ? &*start : nullptr);

  train_detail::Recorder recorder({.options = options,
                                   .identity = identity,
                                   .folder = folder.path(),
                                   .objective = *member.objective,
                                   .optimizer = member.optimizer,
                                   .observer = observer,
                                   .monitored = member.monitored.get()},
                                  start);
  TrainingPosition position = start ? start->position : TrainingPosition{};
  TrainingReport report;
  try {
    report = train_once(member.trained(), member.optimizer, problem.batch_size(),
                        train_detail::training_options(options), position, recorder, member.stop);
  } catch (...) {
    if (options.team == nullptr && !member.optimizer.needs_closure()) recorder.rescue(position);
    throw;
  }
  if (report.status == RunStatus::diverged) {
    recorder.finish();
  } else {
    recorder.finish(position);
  }
  return report;
}

}  // namespace normdescent
