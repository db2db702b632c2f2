// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/output_folder.hpp"

#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace normdescent {

namespace {

namespace fs = std::filesystem;

/// Documents have few long parts; the command stands before them or not far behind.
constexpr std::size_t kSearchedBytes = std::size_t{4} << 20U;

/// Whether the document has "command_line": "normdescent ...", however it is laid out.
bool names_a_command(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  std::string text(kSearchedBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  constexpr std::string_view kKey = "\"command_line\"";
  for (std::size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    const std::size_t value = text.find_first_not_of(": \n", at + kKey.size());
    if (value != std::string::npos && std::string_view(text).substr(value).starts_with("\"normdescent")) return true;
  }
  return false;
}

bool has_shards(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".bin") return true;
  }
  return false;
}

}  // namespace

bool is_output_folder(const fs::path& folder) {
  std::error_code error;
  const auto has = [&](const char* name) { return fs::is_regular_file(folder / name, error); };
  for (const char* name : {"result.json", "model.json", "run.json"}) {
    if (has(name) && names_a_command(folder / name)) return true;
  }
  return (has("tokens.json") && has_shards(folder)) || (has("config.json") && has("model.safetensors"));
}

}  // namespace normdescent
