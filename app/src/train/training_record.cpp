// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/training_record.hpp"

#include <nlohmann/json.hpp>

#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_depth.hpp"

namespace normdescent {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kRecordVersion = 1;

}  // namespace

std::string TrainingRecord::to_json() const {
  nlohmann::ordered_json json = {{"version", kRecordVersion},
                                 {"program", kVersion},
                                 {"command_line", utf8_text(command_line)},
                                 {"preset", preset},
                                 {"scale", scale}};
  json["options"] = nlohmann::ordered_json::object();
  for (const auto& [name, values] : options) {
    auto& list = json["options"][name] = nlohmann::ordered_json::array();
    for (const auto& value : values) list.push_back(utf8_text(value));
  }
  json["optimizer"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : optimizer) json["optimizer"][name] = utf8_text(value);
  json["identity"] = identity ? nlohmann::ordered_json::parse(to_text(*identity)) : nlohmann::ordered_json(nullptr);
  return json.dump(2) + "\n";
}

bool holds_training_record(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / kRunRecordFile, error);
}

void write_training_record(const fs::path& folder, const TrainingRecord& record) {
  write_text_atomically(folder / kRunRecordFile, record.to_json());
}

TrainingRecord read_training_record(const fs::path& folder) {
  const fs::path path = folder / kRunRecordFile;
  const auto refuse = [&](const std::string& why) -> UserError {
    return UserError(path.string() + " is not readable: " + why, "only train writes this file");
  };
  const std::string text = read_text(path);
  if (json_nests_too_deep(text)) throw refuse("it nests too deep");
  try {
    const Json json = Json::parse(text);
    if (json.at("version").get<int>() != kRecordVersion) throw refuse("a newer version of the program wrote it");
    TrainingRecord record{.options = {},
                          .optimizer = {},
                          .preset = json.at("preset").get<std::string>(),
                          .scale = json.at("scale").get<std::string>(),
                          .command_line = bytes_of_utf8_text(json.at("command_line").get<std::string>())};
    for (const auto& [name, values] : json.at("options").items())
      for (const auto& value : values) record.options[name].push_back(bytes_of_utf8_text(value.get<std::string>()));
    for (const auto& [name, value] : json.at("optimizer").items())
      record.optimizer[name] = bytes_of_utf8_text(value.get<std::string>());
    if (!json.at("identity").is_null()) record.identity = parse_identity(json.at("identity").dump());
    return record;
  } catch (const Json::exception& error) {
    throw refuse(error.what());
  }
}

}  // namespace normdescent
