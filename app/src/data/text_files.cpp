// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/text_files.hpp"

#include <algorithm>
#include <array>
#include <system_error>

#include "normdescent/base/user_error.hpp"
#include "normdescent/files/output_folder.hpp"

namespace normdescent {

namespace fs = std::filesystem;

namespace {

/// Control bytes that text does not hold: prose and code have none, compressed data has about 10 %.
constexpr double kMaxNonTextShare = 0.05;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

}  // namespace

std::string why_binary(std::span<const std::uint8_t> bytes) {
  const auto head = bytes.first(std::min(bytes.size(), kSniffedBytes));
  std::size_t non_text = 0;
  for (const std::uint8_t byte : head) {
    if (byte == 0) return "it holds NUL bytes";
    const bool is_layout = (byte >= 0x08 && byte <= 0x0D) || byte == 0x1B;  // backspace .. carriage return, escape
    if ((byte < 0x20 && !is_layout) || byte == 0x7F) ++non_text;
  }
  const bool is_text = static_cast<double>(non_text) <= kMaxNonTextShare * static_cast<double>(head.size());
  return is_text ? "" : "it holds control bytes";
}

void refuse_binary(const fs::path& path, const std::string& why) {
  throw UserError("'" + path.string() + "' is not text: " + why,
                  "give plain text, best as UTF-8 (UTF-16 has to be converted)");
}

void require_text_path(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_regular_file(status) || fs::is_directory(status)) return;
  if (status.type() == fs::file_type::not_found)
    throw UserError("'" + path.string() + "' does not exist", "give a file or a folder of text");
  const bool is_stream = fs::is_fifo(status) || fs::is_character_file(status) || fs::is_socket(status);
  throw UserError("'" + path.string() + "' is neither a file nor a folder" +
                      (error ? ": " + error.message() : std::string(is_stream ? " but a pipe or device" : "")),
                  is_stream ? "text is read more than once (and by --resume), so write it to a file first: ... > text.txt"
                            : "give a file or a folder of text");
}

bool is_header_file(const fs::path& path) {
  static constexpr std::array<std::string_view, 6> kExtensions{".h", ".hpp", ".hh", ".hxx", ".inl", ".ipp"};
  const std::string extension = path.extension().string();
  if (extension.empty()) return std::find(path.begin(), path.end(), "c++") != path.end();
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<std::string> list_text_files(const fs::path& root, const FileFilter& wanted) {
  std::vector<std::string> names;
  try {
    for (fs::recursive_directory_iterator it(root), end; it != end; ++it) {
      std::error_code broken_link;
      if (is_hidden(it->path()) || (it->is_directory(broken_link) && is_output_folder(it->path()))) {
        it.disable_recursion_pending();
        continue;
      }
      if (it->is_regular_file(broken_link) && wanted(it->path())) {
        names.push_back(it->path().lexically_relative(root).string());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw UserError("cannot list '" + error.path1().string() + "': " + error.code().message(),
                    "check the permissions of the folder");
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace normdescent
