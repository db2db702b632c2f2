// SPDX-License-Identifier: Apache-2.0
// Fuzz targets: functions of any bytes that may do anything but crash, hang, change files or use memory out of
// proportion to their input. They run under libFuzzer (clang, preset fuzz) or under replay.cpp (any compiler).
#pragma once

#include <array>
#include <string_view>

namespace normdescent::fuzz {

void read_checkpoint_folder(std::string_view input);
void read_config(std::string_view input);
void read_csv(std::string_view input);
void read_hugging_face_folder(std::string_view input);
void read_libsvm(std::string_view input);
void read_llmc_model(std::string_view input);
void read_prediction(std::string_view input);
void read_probe(std::string_view input);
void read_record_folder(std::string_view input);
void read_report(std::string_view input);
void read_safetensors_file(std::string_view input);
void read_shard(std::string_view input);
void read_token_folder(std::string_view input);
void read_tokenizer(std::string_view input);

struct Target {
  std::string_view name;  ///< of its folder in corpus/
  void (*read)(std::string_view input);
};

inline constexpr std::array<Target, 14> kTargets{{{"checkpoint", read_checkpoint_folder},
                                                  {"config", read_config},
                                                  {"csv", read_csv},
                                                  {"hugging_face", read_hugging_face_folder},
                                                  {"libsvm", read_libsvm},
                                                  {"llmc", read_llmc_model},
                                                  {"prediction", read_prediction},
                                                  {"probe_file", read_probe},
                                                  {"record", read_record_folder},
                                                  {"report", read_report},
                                                  {"safetensors", read_safetensors_file},
                                                  {"shard", read_shard},
                                                  {"token_folder", read_token_folder},
                                                  {"vocabulary", read_tokenizer}}};

/// nullptr if there is none of that name.
[[nodiscard]] constexpr const Target* find_target(std::string_view name) {
  for (const Target& target : kTargets)
    if (target.name == name) return &target;
  return nullptr;
}

}  // namespace normdescent::fuzz
