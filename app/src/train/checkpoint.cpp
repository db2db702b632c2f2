// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/checkpoint.hpp"

#include <charconv>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/files/checked_folder.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_count.hpp"
#include "normdescent/io/json_depth.hpp"
#include "normdescent/io/safetensors.hpp"

namespace normdescent {

namespace {

using Json = nlohmann::json;
constexpr std::string_view kPrefix = "checkpoint-";
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kOptimizerFile = "optimizer.safetensors";
constexpr const char* kMonitorFile = "monitor.safetensors";
constexpr const char* kPositionFile = "position.json";

void restore_weights(const std::filesystem::path& path, const Objective& objective) {
  const StateDict weights = read_safetensors(path);
  if (weights.tensors.size() != objective.parameters().size())
    throw UserError(path.string() + " has other tensors than the model", "resume with the model of the run");
  for (const auto& parameter : objective.parameters()) {
    const auto found = weights.tensors.find(parameter.info.name);
    if (found == weights.tensors.end() || found->second.dtype != "F32" || found->second.shape != parameter.info.shape)
      throw UserError(path.string() + " has no tensor " + parameter.info.name + " of the model's shape",
                      "resume with the model of the run");
    std::memcpy(parameter.value.data(), found->second.bytes.data(), found->second.bytes.size());
  }
}

Json to_json(const std::map<std::string, std::string>& task) {
  Json json = Json::object();
  for (const auto& [key, value] : task) json[utf8_text(key)] = utf8_text(value);
  return json;
}

/// Names and facts may hold bytes from outside.
Json to_json(const RunIdentity& identity) {
  return {{"problem", utf8_text(identity.problem)},
          {"optimizer", utf8_text(identity.optimizer)},
          {"learning_rate", identity.learning_rate},
          {"schedule", identity.schedule},
          {"steps", identity.steps},
          {"batch_size", identity.batch_size},
          {"seed", identity.seed},
          {"task", to_json(identity.task)}};
}

Json to_json(const Checkpoint& checkpoint) {
  Json json = to_json(checkpoint.identity);
  json["step"] = checkpoint.position.step;
  json["first_loss"] = checkpoint.position.first_loss;
  json["steps_too_high"] = checkpoint.position.steps_too_high;
  json["metrics_bytes"] = checkpoint.metrics_bytes;
  return json;
}

RunIdentity identity_from(const Json& json) {
  RunIdentity identity{.problem = bytes_of_utf8_text(json.at("problem").get<std::string>()),
                       .optimizer = bytes_of_utf8_text(json.at("optimizer").get<std::string>()),
                       .learning_rate = json.at("learning_rate").get<double>(),
                       .schedule = json.at("schedule").get<std::string>(),
                       .steps = json_count<std::int64_t>(json.at("steps"), "steps"),
                       .batch_size = json_count<std::uint32_t>(json.at("batch_size"), "batch_size"),
                       .seed = json_count<std::uint64_t>(json.at("seed"), "seed"),
                       .task = {},
                       .has_task = json.contains("task")};
  if (!identity.has_task) return identity;
  for (const auto& [key, value] : json.at("task").get<std::map<std::string, std::string>>())
    identity.task[bytes_of_utf8_text(key)] = bytes_of_utf8_text(value);
  return identity;
}

Checkpoint parse_position(const std::filesystem::path& path) {
  const auto refuse = [&](const char* why) -> UserError {
    return UserError(path.string() + " is not readable: " + why, "the checkpoint is damaged");
  };
  const std::string text = read_text(path);
  if (json_nests_too_deep(text)) throw refuse("it nests too deep");
  try {
    const Json json = Json::parse(text);
    const Json& first_loss = json.at("first_loss");
    Checkpoint checkpoint{.identity = identity_from(json),
                          .position = {.step = json_count<std::int64_t>(json.at("step"), "step"),
                                       .first_loss = first_loss.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                                          : first_loss.get<double>(),
                                       .steps_too_high = json_count<int>(json.at("steps_too_high"), "steps_too_high")},
                          .metrics_bytes = json_count<std::uint64_t>(json.at("metrics_bytes"), "metrics_bytes")};
    if (checkpoint.position.step > checkpoint.identity.steps) throw refuse("its step lies behind the end of the run");
    return checkpoint;
  } catch (const Json::exception& error) {
    throw refuse(error.what());
  }
}

/// Versions before run.json put the path of the data behind the problem's name; which data it is, its hash says.
std::string without_path(const RunIdentity& identity) {
  return identity.task.contains("data_hash") ? identity.problem.substr(0, identity.problem.find(" on "))
                                             : identity.problem;
}

/// What is compared. A tokenizer whose content is known is that, whatever file it came from.
std::map<std::string, std::string> comparable_task(const RunIdentity& identity) {
  auto task = identity.task;
  if (task.contains("tokenizer_hash")) task.erase("tokenizer");
  return task;
}

std::filesystem::path folder_of(const std::filesystem::path& run_folder, std::int64_t step) {
  return run_folder / (std::string(kPrefix) + std::to_string(step));
}

/// The step of a complete checkpoint's folder name; empty for all other names.
std::optional<std::int64_t> step_of(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  return error == std::errc() && stop == end ? std::optional(step) : std::nullopt;
}

/// Complete checkpoints by step, newest first.
std::map<std::int64_t, std::filesystem::path, std::greater<>> checkpoints_in(const std::filesystem::path& run_folder) {
  std::map<std::int64_t, std::filesystem::path, std::greater<>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run_folder, error)) {
    if (const auto step = step_of(entry.path())) found.emplace(*step, entry.path());
  }
  return found;
}

/// Renamed first, so that a removal that is interrupted leaves no half checkpoint under a checkpoint's name.
void remove_checkpoint(const std::filesystem::path& folder) {
  auto doomed = folder;
  doomed += ".partial";
  std::error_code ignored;  // an old checkpoint that stays does no harm
  std::filesystem::rename(folder, doomed, ignored);
  std::filesystem::remove_all(doomed, ignored);
}

void keep_newest(const std::filesystem::path& run_folder, std::int64_t step, int keep) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(run_folder, ignored)) {  // left by a crash
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(".partial")) std::filesystem::remove_all(entry.path(), ignored);
  }
  int kept = 0;
  for (const auto& [number, folder] : checkpoints_in(run_folder)) {
    if (number <= step && ++kept > keep) remove_checkpoint(folder);
  }
}

std::optional<std::string> defect_of(const std::filesystem::path& checkpoint_folder) {
  if (auto defect = find_defect(checkpoint_folder)) return defect;
  std::error_code error;
  for (const char* file : {kModelFile, kOptimizerFile}) {
    if (!std::filesystem::exists(checkpoint_folder / file, error)) return std::string(file) + " is missing";
  }
  try {
    const auto wanted = parse_position(checkpoint_folder / kPositionFile).metrics_bytes;
    const auto metrics = std::filesystem::file_size(checkpoint_folder.parent_path() / kMetricsFile, error);
    if (wanted > 0 && (error || metrics < wanted)) return std::string(kMetricsFile) + " is shorter than it says";
  } catch (const UserError& failure) {
    return failure.what();
  }
  return std::nullopt;
}

}  // namespace

std::string to_text(const RunIdentity& identity) { return to_json(identity).dump(); }

RunIdentity parse_identity(std::string_view json) {
  try {
    return identity_from(Json::parse(json));
  } catch (const Json::exception& error) {
    throw UserError(std::string("the identity of a run is not readable: ") + error.what());
  }
}

void require_same_run(const std::filesystem::path& path, const RunIdentity& saved, const RunIdentity& wanted) {
  constexpr const char* kRepeat = "repeat the options of the run, or start a new one in another folder";
  if (!saved.has_task)
    throw UserError("cannot resume from " + path.string() +
                        ": an earlier version wrote it and did not say which context, tokenizer and data it has",
                    "start the run again in another folder");
  const auto require_same = [&](const std::string& key, const Json& its, const Json& ours) {
    if (its == ours) return;
    std::string message =
        "cannot resume from " + path.string() + ": its " + key + " is " + its.dump() + ", not " + ours.dump();
    if (key == "data_hash") message += " (the content of the data is another)";
    throw UserError(message, kRepeat);
  };
  Json a = to_json(saved);
  Json b = to_json(wanted);
  a["problem"] = utf8_text(without_path(saved));
  b["problem"] = utf8_text(without_path(wanted));
  for (const char* key : {"problem", "optimizer", "learning_rate", "schedule", "steps", "batch_size", "seed"})
    require_same(key, a[key], b[key]);
  const Json its_task = to_json(comparable_task(saved));
  const Json our_task = to_json(comparable_task(wanted));
  for (const auto* task : {&its_task, &our_task})
    for (const auto& [key, value] : task->items())
      require_same(key, its_task.value(key, Json()), our_task.value(key, Json()));
}

StateDict weights_of(const Objective& objective) {
  StateDict weights;
  for (const auto& parameter : objective.parameters()) {
    const auto bytes = std::as_bytes(parameter.value);
    weights.tensors[parameter.info.name] = {
        .dtype = "F32", .shape = parameter.info.shape, .bytes = {bytes.begin(), bytes.end()}};
  }
  return weights;
}

std::filesystem::path write_checkpoint(const std::filesystem::path& run_folder, const Checkpoint& checkpoint,
                                       const CheckpointTensors& tensors, int keep) {
  const auto target = folder_of(run_folder, checkpoint.position.step);
  FolderWriter folder(target);
  folder.add(kModelFile, write_safetensors(folder.file(kModelFile), tensors.weights()));
  folder.add(kOptimizerFile, write_safetensors(folder.file(kOptimizerFile), tensors.optimizer()));
  if (tensors.monitor) folder.add(kMonitorFile, write_safetensors(folder.file(kMonitorFile), tensors.monitor()));
  folder.add(kPositionFile, write_text_atomically(folder.file(kPositionFile), to_json(checkpoint).dump(2) + "\n"));
  folder.commit();
  keep_newest(run_folder, checkpoint.position.step, keep);
  return target;
}

CheckpointSearch find_checkpoint(const std::filesystem::path& run_folder) {
  CheckpointSearch search;
  for (const auto& [step, folder] : checkpoints_in(run_folder)) {
    auto defect = defect_of(folder);
    if (!defect) {
      search.newest = folder;
      break;
    }
    search.damaged.push_back({folder, std::move(*defect)});
  }
  return search;
}

std::filesystem::path set_aside(const std::filesystem::path& checkpoint_folder) {
  auto target = checkpoint_folder;
  target += ".damaged";
  std::error_code error;
  for (int number = 2; std::filesystem::exists(target, error); ++number) {
    target = checkpoint_folder;
    target += ".damaged-" + std::to_string(number);
  }
  std::filesystem::rename(checkpoint_folder, target, error);
  if (error) throw_file_error("rename", checkpoint_folder, error.value());
  return target;
}

Checkpoint read_checkpoint(const std::filesystem::path& checkpoint_folder, const RunIdentity& identity,
                           const Objective& objective, Optimizer<float>& optimizer) {
  Checkpoint checkpoint = parse_position(checkpoint_folder / kPositionFile);
  require_same_run(checkpoint_folder, checkpoint.identity, identity);
  restore_weights(checkpoint_folder / kModelFile, objective);
  try {
    optimizer.load_state(read_safetensors(checkpoint_folder / kOptimizerFile));
  } catch (const std::invalid_argument& error) {
    throw UserError("cannot resume from " + checkpoint_folder.string() + ": " + error.what(),
                    "repeat the options of the run, or start a new one in another folder");
  }
  return checkpoint;
}

Checkpoint read_position(const std::filesystem::path& checkpoint_folder) {
  return parse_position(checkpoint_folder / kPositionFile);
}

std::optional<StateDict> read_monitor(const std::filesystem::path& run_folder, std::int64_t step) {
  const auto file = folder_of(run_folder, step) / kMonitorFile;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  return read_safetensors(file);
}

}  // namespace normdescent
