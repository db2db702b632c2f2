// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/text_files.hpp"

#include <algorithm>
#include <array>
#include <system_error>

#include "normdescent/base/user_error.hpp"

namespace normdescent {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSniffBytes = std::size_t{64} << 10U;
/// Control bytes that text does not hold: prose and code have none, compressed data has about 10 %.
constexpr double kMaxNonTextShare = 0.05;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

}  // namespace

bool looks_binary(std::span<const std::uint8_t> bytes) {
  const auto head = bytes.first(std::min(bytes.size(), kSniffBytes));
  std::size_t non_text = 0;
  for (const std::uint8_t byte : head) {
    if (byte == 0) return true;
    const bool is_layout = (byte >= 0x08 && byte <= 0x0D) || byte == 0x1B;  // backspace .. carriage return, escape
    if ((byte < 0x20 && !is_layout) || byte == 0x7F) ++non_text;
  }
  return static_cast<double>(non_text) > kMaxNonTextShare * static_cast<double>(head.size());
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
      if (is_hidden(it->path())) {
        it.disable_recursion_pending();
        continue;
      }
      std::error_code broken_link;
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
