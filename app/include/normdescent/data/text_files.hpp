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

/// How much of a file's beginning decides whether it is text.
inline constexpr std::size_t kSniffedBytes = std::size_t{64} << 10U;
/// Why a file that begins with these bytes is not text: NUL bytes, or more control bytes than text has. Empty for text.
[[nodiscard]] std::string why_binary(std::span<const std::uint8_t> bytes);
/// UserError that says why a file is not text.
[[noreturn]] void refuse_binary(const std::filesystem::path& path, const std::string& why);
/// UserError unless `path` is a file or a folder; pipes get a hint.
void require_text_path(const std::filesystem::path& path);
/// Whether a file is a C or C++ header, those without extension of the standard library included.
[[nodiscard]] bool is_header_file(const std::filesystem::path& path);
/// Regular files below `root` that `wanted` accepts, as paths relative to it, sorted. Left out are hidden names and, in
/// folders below `root`, what this program wrote (is_output_folder). UserError if a folder cannot be listed.
[[nodiscard]] std::vector<std::string> list_text_files(const std::filesystem::path& root, const FileFilter& wanted);

}  // namespace normdescent
