// SPDX-License-Identifier: Apache-2.0
#include "member.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/learning_rate.hpp"

namespace normdescent::train_detail {

namespace {

/// A vote is +1 or -1: of any other rule than x <- x - eta sign(g), decay aside, it would make another optimizer.
void require_votes(const OptimizerSpec& spec, std::span<const Parameter> parameters) {
  for (const auto& parameter : parameters) {
    const Recipe& recipe = spec.recipe_for(parameter.info);
    if (std::holds_alternative<Sign>(recipe.direction) && std::holds_alternative<Raw>(recipe.estimator) &&
        std::holds_alternative<Uncorrected>(recipe.correction) && recipe.l2_penalty == 0.0)
      continue;
    throw std::invalid_argument("optimizer = " + spec.name + ", must be one of sign(g) alone for a majority vote (" +
                                parameter.info.name + " gets recipe " + recipe.name + "); signsgd is");
  }
}

}  // namespace

Member make_member(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                   const std::stop_token& stop) {
  auto objective = problem.instantiate(options.seed);
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective->parameters()) infos.push_back(parameter.info);
  std::unique_ptr<MonitoredObjective> monitored;
  const auto monitor = [&](Objective& inner) {
    if (options.monitor_every > 0)
      monitored = std::make_unique<MonitoredObjective>(inner, problem.batch_size(), options.monitor_every);
  };
  if (options.team == nullptr) {
    monitor(*objective);
    return {std::move(objective), Optimizer<float>(spec, std::move(infos)), stop, std::move(monitored)};
  }

  auto& [group, data, work] = *options.team;
  if (data.combination == Combination::majority_vote) {
    require_votes(spec, objective->parameters());
    if (options.monitor_every > 0)
      throw std::invalid_argument("monitor_every = " + std::to_string(options.monitor_every) +
                                  ", must be 0 with a majority vote: votes show no noise");
  }
  auto sharing = make_step_sharing(group, infos, plan_owners(spec, infos, group.size(), work));
  const std::stop_source agreed;
  objective = make_data_parallel(std::move(objective), group, data, stop, agreed);
  monitor(*objective);
  const std::uint32_t smallest = monitored ? monitored->smallest_batch() : problem.batch_size();
  (void)share_of({.stream = 0, .first = 0, .count = smallest}, group.rank(), group.size());  // now, not in mid-run
  return {std::move(objective), Optimizer<float>(spec, std::move(infos), std::move(sharing)), agreed.get_token(),
          std::move(monitored)};
}

namespace {

/// Ends every rank if some were started with other options than rank 0, whose identity is `first`.
void require_same(ProcessGroup& group, const std::string& mine, const std::string& first) {
  std::byte is_other{mine != first};
  std::vector<std::byte> others(static_cast<std::size_t>(group.size()));
  group.all_gather(std::span(&is_other, 1), others);
  const auto other = std::ranges::find(others, std::byte{1}) - others.begin();
  if (other == std::ssize(others)) return;
  const std::string said = "rank " + std::to_string(other) + " was started with other options than rank 0";
  throw ProcessGroupError(group.rank() == other ? said + ": " + mine + ", not " + first : said);
}

}  // namespace

void tell_start(const Team* team, const RunIdentity& identity, const Checkpoint* start) {
  if (team == nullptr) return;
  const std::string mine = broadcast_text(team->group, to_text(identity));
  require_same(team->group, mine, mine);
  std::int64_t step = start == nullptr ? -1 : start->position.step;
  team->group.broadcast(std::as_writable_bytes(std::span(&step, 1)));
}

TrainingPosition hear_start(const RunIdentity& identity, const TrainerOptions& options,
                            const std::filesystem::path& folder, Member& member) {
  const Team& team = *options.team;
  const std::string who = "rank " + std::to_string(team.group.rank());
  const std::string mine = to_text(identity);
  require_same(team.group, mine, broadcast_text(team.group, ""));
  std::int64_t step = 0;
  team.group.broadcast(std::as_writable_bytes(std::span(&step, 1)));
  if (step < 0) return {};
  const auto search = find_checkpoint(folder);
  if (!search.newest)
    throw UserError(who + " finds no valid checkpoint in " + folder.string() + ", which rank 0 resumes from",
                    "the run folder must be on a file system that all machines see");
  const Checkpoint start = start_at(*search.newest, identity, options, member);
  if (start.position.step != step)
    throw UserError(who + " finds the checkpoint of step " + std::to_string(start.position.step) + ", rank 0 that of " +
                        std::to_string(step),
                    "the run folder must be on a file system that all machines see");
  return start.position;
}

void tell_checkpoint(const Team* team, bool is_next) {
  if (team == nullptr) return;
  std::byte word{is_next ? std::uint8_t{1} : std::uint8_t{0}};
  team->group.broadcast(std::span(&word, 1));
}

bool hear_checkpoint(const Team& team) {
  std::byte word{0};
  team.group.broadcast(std::span(&word, 1));
  return word == std::byte{1};
}

}  // namespace normdescent::train_detail

namespace normdescent {

namespace {

/// Takes part in the collection of states.
class Follower final : public TrainingObserver {
 public:
  Follower(const Team& team, const Optimizer<float>& optimizer) : team_(team), optimizer_(optimizer) {}
  void on_position(const TrainingPosition&) override {
    if (train_detail::hear_checkpoint(team_)) (void)optimizer_.state();
  }

 private:
  const Team& team_;
  const Optimizer<float>& optimizer_;
};

}  // namespace

TrainingReport follow(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                      const std::filesystem::path& folder, const std::stop_token& stop) {
  options.validate();
  auto member = train_detail::make_member(problem, spec, options, stop);
  TrainingPosition position = train_detail::hear_start(identity_of(problem, spec, options), options, folder, member);
  Follower follower(*options.team, member.optimizer);
  const TrainingReport report = train_once(member.trained(), member.optimizer, problem.batch_size(),
                                           train_detail::training_options(options), position, follower, member.stop);
  if (report.status != RunStatus::diverged) follower.on_position(position);
  return report;
}

}  // namespace normdescent
