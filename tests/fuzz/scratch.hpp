// SPDX-License-Identifier: Apache-2.0
// What a fuzz target lets a reader loose on: files in a folder that nothing may change, nor anything beside it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent::fuzz {

/// The input's next part: what stands before the separator line, or all that is left. Files of a folder come so.
inline constexpr std::string_view kSeparator = "\n--- next file ---\n";
inline std::string_view take_part(std::string_view& rest) {
  const std::size_t end = rest.find(kSeparator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + kSeparator.size());
  return part;
}

[[noreturn]] inline void found(const char* bug) {
  std::fprintf(stderr, "bug: %s\n", bug);
  std::abort();
}

/// Every path below a folder with its size (folders: -1).
inline std::map<std::string, std::intmax_t> listing(const std::filesystem::path& folder) {
  std::map<std::string, std::intmax_t> sizes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    sizes[entry.path().string()] =
        entry.is_regular_file() ? static_cast<std::intmax_t>(entry.file_size()) : std::intmax_t{-1};
  return sizes;
}

/// Why a reader refused its input last; empty: none has.
inline std::string refusal;

/// Calls use(), for which bad input may be a UserError and nothing else.
template <class Use>
void allow_user_error(const Use& use) {
  try {
    use();
  } catch (const UserError& error) {
    refusal = error.what();
  }
}

/// Writes the files (relative names) and calls read(folder) as allow_user_error does.
template <class Read>
void let_read(std::initializer_list<std::pair<const char*, std::string_view>> files, const Read& read) {
  static const test::TemporaryFolder outside;
  const std::filesystem::path inside = outside / "inside";
  std::filesystem::create_directories(inside);
  for (const auto& [name, content] : files) {
    const auto path = inside / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  const auto before = listing(outside.path());
  allow_user_error([&] { read(inside); });
  if (listing(outside.path()) != before) found("reading changed files");
  std::filesystem::remove_all(inside);
}

}  // namespace normdescent::fuzz
