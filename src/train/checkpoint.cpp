// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/checkpoint.hpp"

#include <charconv>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/safetensors.hpp"

namespace normdescent {

namespace {

using Json = nlohmann::json;
constexpr std::string_view kPrefix = "checkpoint-";

StateDict weights_of(const Objective& objective) {
  StateDict weights;
  for (const auto& parameter : objective.parameters()) {
    const auto bytes = std::as_bytes(parameter.value);
    weights.tensors[parameter.info.name] = {
        .dtype = "F32", .shape = parameter.info.shape, .bytes = {bytes.begin(), bytes.end()}};
  }
  return weights;
}

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

Json to_json(const Checkpoint& checkpoint) {
  const auto& [identity, position, metrics_bytes] = checkpoint;
  return {
      {"problem", identity.problem},   {"optimizer", identity.optimizer},   {"learning_rate", identity.learning_rate},
      {"steps", identity.steps},       {"batch_size", identity.batch_size}, {"seed", identity.seed},
      {"step", position.step},         {"first_loss", position.first_loss}, {"steps_too_high", position.steps_too_high},
      {"metrics_bytes", metrics_bytes}};
}

Checkpoint parse_position(const std::filesystem::path& path) {
  try {
    const Json json = Json::parse(read_text(path));
    const Json& first_loss = json.at("first_loss");
    return {.identity = {.problem = json.at("problem").get<std::string>(),
                         .optimizer = json.at("optimizer").get<std::string>(),
                         .learning_rate = json.at("learning_rate").get<double>(),
                         .steps = json.at("steps").get<std::int64_t>(),
                         .batch_size = json.at("batch_size").get<std::uint32_t>(),
                         .seed = json.at("seed").get<std::uint64_t>()},
            .position = {.step = json.at("step").get<std::int64_t>(),
                         .first_loss =
                             first_loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : first_loss.get<double>(),
                         .steps_too_high = json.at("steps_too_high").get<int>()},
            .metrics_bytes = json.at("metrics_bytes").get<std::uint64_t>()};
  } catch (const Json::exception& error) {
    throw UserError(path.string() + " is not readable: " + error.what(), "the checkpoint is damaged");
  }
}

void require_same_run(const std::filesystem::path& path, const RunIdentity& saved, const RunIdentity& wanted) {
  const Json a = to_json({.identity = saved, .position = {}});
  const Json b = to_json({.identity = wanted, .position = {}});
  for (const char* key : {"problem", "optimizer", "learning_rate", "steps", "batch_size", "seed"}) {
    if (a[key] != b[key])
      throw UserError(
          "cannot resume from " + path.string() + ": its " + key + " is " + a[key].dump() + ", not " + b[key].dump(),
          "repeat the options of the run, or start a new one in another folder");
  }
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

void remove_other_checkpoints(const std::filesystem::path& run_folder, const std::filesystem::path& kept) {
  std::error_code ignored;  // an old checkpoint that stays does no harm
  for (const auto& entry : std::filesystem::directory_iterator(run_folder, ignored)) {
    if (entry.path() != kept && entry.path().filename().string().starts_with(kPrefix))
      std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace

std::filesystem::path write_checkpoint(const std::filesystem::path& run_folder, const Checkpoint& checkpoint,
                                       const Objective& objective, const Optimizer<float>& optimizer) {
  const auto target = run_folder / (std::string(kPrefix) + std::to_string(checkpoint.position.step));
  auto partial = target;
  partial += ".partial";
  std::error_code error;
  std::filesystem::remove_all(partial, error);
  std::filesystem::create_directories(partial, error);
  if (error) throw_file_error("create", partial, error.value());
  try {
    write_safetensors(partial / "model.safetensors", weights_of(objective));
    write_safetensors(partial / "optimizer.safetensors", optimizer.state());
    write_text_atomically(partial / "position.json", to_json(checkpoint).dump(2) + "\n");
    std::filesystem::remove_all(target);  // the same step again, after a resume
    std::filesystem::rename(partial, target);
  } catch (const std::filesystem::filesystem_error& failure) {
    throw_file_error("write", target, failure.code().value());
  } catch (...) {
    std::filesystem::remove_all(partial, error);
    throw;
  }
  remove_other_checkpoints(run_folder, target);
  return target;
}

std::optional<std::filesystem::path> find_checkpoint(const std::filesystem::path& run_folder) {
  std::optional<std::filesystem::path> newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run_folder, error)) {
    const auto step = step_of(entry.path());
    if (step && (!newest || *step > *step_of(*newest))) newest = entry.path();
  }
  return newest;
}

Checkpoint read_checkpoint(const std::filesystem::path& checkpoint_folder, const RunIdentity& identity,
                           const Objective& objective, Optimizer<float>& optimizer) {
  Checkpoint checkpoint = parse_position(checkpoint_folder / "position.json");
  require_same_run(checkpoint_folder, checkpoint.identity, identity);
  restore_weights(checkpoint_folder / "model.safetensors", objective);
  try {
    optimizer.load_state(read_safetensors(checkpoint_folder / "optimizer.safetensors"));
  } catch (const std::invalid_argument& error) {
    throw UserError("cannot resume from " + checkpoint_folder.string() + ": " + error.what(),
                    "repeat the options of the run, or start a new one in another folder");
  }
  return checkpoint;
}

}  // namespace normdescent
