// SPDX-License-Identifier: Apache-2.0
// Keys of JSON against the tables of a document that explain them.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

namespace normdescent::test {

/// The keys of all objects within; of an array those of its first element.
inline void collect_keys(const nlohmann::json& value, std::set<std::string>& keys) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      keys.insert(key);
      collect_keys(inner, keys);
    }
  } else if (value.is_array() && !value.empty()) {
    collect_keys(value.front(), keys);
  }
}

/// What stands in backquotes in the first cells of tables below the heading `section`; empty: of the whole document.
inline std::set<std::string> explained_keys(const std::filesystem::path& document, const std::string& section = "") {
  std::ifstream file(document);
  if (!file) throw std::runtime_error("no " + document.string());
  std::set<std::string> explained;
  bool is_inside = section.empty();
  for (std::string line; std::getline(file, line);) {
    if (!section.empty() && line.starts_with("## ")) is_inside = line == "## " + section;
    if (!is_inside || !line.starts_with("| `")) continue;
    std::istringstream cell(line.substr(0, line.find(" | ")));
    for (std::string part; std::getline(cell, part, '`');) {
      if (std::getline(cell, part, '`')) explained.insert(part);
    }
  }
  return explained;
}

}  // namespace normdescent::test
