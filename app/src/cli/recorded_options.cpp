// SPDX-License-Identifier: Apache-2.0
#include "recorded_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/model_record.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {
namespace {

namespace fs = std::filesystem;

/// What a run may be continued with in another way: none of it changes a weight or a loss. --data and --init-from say
/// where their content lies now; that it is the same content is checked.
constexpr std::array kFree{"threads",
                           "evaluate-every",
                           "checkpoint-every",
                           "keep-checkpoints",
                           "background-checkpoints",
                           "process-timeout",
                           "bucket-megabytes",
                           "shard-state",
                           "data",
                           "init-from"};
/// Which say what the program is to do now, not what the run is.
constexpr std::array kOfTheMoment{"help", "resume", "out", "json", "explain", "estimate"};

bool is_among(std::string_view name, std::span<const char* const> names) {
  return std::ranges::find(names, name) != names.end();
}

/// The shortest text that reads back as the number.
std::string number_text(double value) { return nlohmann::json(value).dump(); }

/// A place of this machine, whatever folder the program is continued from.
std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path : whole.string();
}

/// Equal as numbers, or as texts.
bool is_same_value(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text, double& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  double x = 0.0;
  double y = 0.0;
  return a == b || (number(a, x) && number(b, y) && x == y);
}

const char* name_of(BackgroundWrites writes) {
  switch (writes) {
    case BackgroundWrites::always: return "always";
    case BackgroundWrites::never: return "never";
    default: return "auto";
  }
}

TrainingRecord::Options list_options(const TrainCommandOptions& options) {
  const auto& [task, trainer, processes] = std::tie(options.task, options.trainer, options.processes);
  TrainingRecord::Options list;
  const auto add = [&](const char* name, std::string value) { list[name] = {std::move(value)}; };
  add("task", task.task);
  if (!task.data.empty()) add("data", absolute(task.data));
  add("tokenizer", is_tokenizer_name(task.tokenizer) ? task.tokenizer : absolute(task.tokenizer));
  if (!task.window_order.empty()) add("window-order", task.window_order);
  if (task.init_from.empty()) {
    add("model", task.model);
  } else {
    add("init-from", absolute(task.init_from));
  }
  add("batch", std::to_string(task.batch));
  if (task.context > 0) add("context", std::to_string(task.context));
  if (task.micro_batch > 0) add("micro-batch", std::to_string(task.micro_batch));
  add("optimizer", options.optimizer);
  for (const auto& [name, value] : resolved_settings(options)) list["set"].push_back(name + "=" + value);
  add("steps", std::to_string(trainer.steps));
  add("schedule", to_string(trainer.decay));
  add("warmup", number_text(trainer.warmup_fraction));
  add("evaluate-every", std::to_string(trainer.evaluate_every));
  add("checkpoint-every", std::to_string(trainer.checkpoint_every));
  add("monitor", std::to_string(trainer.monitor_every));
  add("keep-checkpoints", std::to_string(trainer.keep_checkpoints));
  add("background-checkpoints", name_of(trainer.background_writes));
  add("on-nonfinite", to_string(trainer.on_nonfinite));
  add("seed", std::to_string(trainer.seed));
  add("threads", std::to_string(options.threads));
  add("process-timeout", std::to_string(processes.timeout_seconds));
  add("bucket-megabytes", std::to_string(processes.bucket_megabytes));
  if (processes.shard_state) add("shard-state", "true");
  if (processes.majority_vote) add("majority-vote", "true");
  return list;
}

/// As if the recorded options stood on a command line.
TrainCommandOptions parse_recorded(const TrainingRecord::Options& recorded, const fs::path& folder) {
  std::vector<std::string> arguments;
  for (const auto& [name, values] : recorded)
    for (const auto& value : values) arguments.push_back("--" + name + "=" + value);
  std::ranges::reverse(arguments);
  CLI::App command;
  TrainCommandOptions options;
  add_train_options(command, options);
  try {
    command.parse(arguments);
  } catch (const CLI::ParseError& error) {
    throw UserError("the options in " + (folder / kRunRecordFile).string() + " are not readable: " + error.what(),
                    "another version of the program wrote them");
  }
  return options;
}

[[noreturn]] void refuse_change(const std::string& option, const std::string& before) {
  throw UserError("--" + option + " cannot change in a run that goes on: it was begun " +
                      (before.empty() ? "without it" : "with " + before),
                  "leave it out, or start another run in another folder");
}

/// Rates, clipping and settings of the optimizer can be given in several ways.
void require_same_settings(const TrainCommandOptions& typed, const TrainingRecord& record) {
  const auto typed_settings = parse_settings(typed.settings);
  for (const auto& [name, value] : resolved_settings(typed)) {
    const auto found = record.optimizer.find(name);
    if (found != record.optimizer.end() && is_same_value(found->second, value)) continue;
    const std::string before = found == record.optimizer.end() ? "" : found->second;
    if (typed_settings.contains(name)) refuse_change("set " + name, before);
    refuse_change(name == "clip_norm" ? "clip" : name == kWeightDecay ? "weight-decay" : "learning-rate", before);
  }
}

std::string joined_values(const TrainingRecord::Options& options, const std::string& name) {
  std::string text;
  const auto found = options.find(name);
  if (found == options.end()) return text;
  for (const auto& value : found->second) text += (text.empty() ? "" : " ") + value;
  return text;
}

}  // namespace

TrainingRecord record_of(const TrainCommandOptions& options, const std::string& command_line) {
  TrainingRecord record{.options = list_options(options),
                        .optimizer = resolved_settings(options),
                        .preset = options.preset,
                        .scale = number_text(options.scale),
                        .command_line = command_line};
  if (const OptimizerInfo* const info = find_optimizer(options.optimizer)) {
    for (const auto& option : info->options) record.optimizer.emplace(option.name, option.default_value);
  }
  return record;
}

TrainCommandOptions resumed_options(const CLI::App& command, const TrainCommandOptions& typed,
                                    const TrainingRecord& record) {
  const TrainingRecord::Options given = list_options(typed);
  TrainingRecord::Options merged = record.options;
  const std::int64_t planned = parse_recorded(record.options, typed.resume).trainer.steps;
  for (const auto* option : command.get_options()) {
    const std::string name = option->get_lnames().empty() ? "" : option->get_lnames().front();
    if (option->count() == 0 || is_among(name, kOfTheMoment)) continue;
    if (name == "preset" || name == "scale") {
      const std::string before = name == "preset" ? record.preset : record.scale;
      if ((name == "preset" ? typed.preset : number_text(typed.scale)) != before) refuse_change(name, before);
    } else if (name == "set" || name == "learning-rate" || name == "clip" || name == "weight-decay") {
      require_same_settings(typed, record);
    } else if (is_among(name, kFree) && (name != "init-from" || record.options.contains(name))) {
      merged[name] = given.contains(name) ? given.at(name) : std::vector<std::string>{"false"};
    } else if (name == "steps" && typed.trainer.steps > planned) {
      merged["warmup"] = {number_text(same_warmup(parse_recorded(record.options, typed.resume).trainer.warmup_fraction,
                                                  planned, typed.trainer.steps))};
      merged["steps"] = given.at("steps");
    } else if (!is_same_value(joined_values(given, name), joined_values(record.options, name))) {
      refuse_change(name, joined_values(record.options, name));
    }
  }
  TrainCommandOptions options = parse_recorded(merged, typed.resume);
  options.preset = record.preset;
  options.resume = typed.resume;
  options.json = typed.json;
  options.explain = typed.explain;
  options.estimate = typed.estimate;
  // The run keeps its tokenizer, wherever the file has gone.
  const fs::path kept = fs::path(typed.resume) / kTokenizerFile;
  std::error_code error;
  if (fs::exists(kept, error)) options.task.tokenizer = kept.string();
  return options;
}

}  // namespace normdescent::cli
