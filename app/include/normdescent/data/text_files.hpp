// SPDX-License-Identifier: Apache-2.0
// Which files of a folder are text to train on, and which of them are held out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace normdescent {

using FileFilter = std::function<bool(const std::filesystem::path&)>;

/// From ten files on, every tenth is validation; of fewer, the last tenth of all bytes is.
inline constexpr std::size_t kFilesPerValidationFile = 10;
[[nodiscard]] constexpr bool is_validation_file(std::size_t index) {
  return index % kFilesPerValidationFile == kFilesPerValidationFile - 1;
}

/// Whether the beginning of a file has NUL bytes or more control bytes than text has.
[[nodiscard]] bool looks_binary(std::span<const std::uint8_t> bytes);
/// Whether a file is a C or C++ header, those without extension of the standard library included.
[[nodiscard]] bool is_header_file(const std::filesystem::path& path);
/// Regular files below `root` that `wanted` accepts, as paths relative to it, sorted; hidden names are left out.
/// UserError if a folder cannot be listed.
[[nodiscard]] std::vector<std::string> list_text_files(const std::filesystem::path& root, const FileFilter& wanted);

}  // namespace normdescent
