// SPDX-License-Identifier: Apache-2.0
#include "normdescent/files/checked_folder.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <span>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "normdescent/io/crc32c.hpp"

namespace normdescent {

namespace {

constexpr std::uintmax_t kMaximumChecksumBytes = 1 << 16;  // hundreds of files; a folder of ours has a handful
constexpr std::size_t kBlock = 1 << 16;

std::string line_of(const std::string& name, const FileDigest& digest) {
  std::array<char, 48> numbers{};
  std::snprintf(numbers.data(), numbers.size(), "%08x %llu ", digest.crc,
                static_cast<unsigned long long>(digest.bytes));
  return numbers.data() + name + '\n';
}

/// Empty if the line is none that line_of writes. A name never leads out of the folder.
std::optional<std::pair<std::string, FileDigest>> parse_line(const std::string& line) {
  FileDigest digest;
  const char* const end = line.data() + line.size();
  const auto [after_crc, no_crc] = std::from_chars(line.data(), end, digest.crc, 16);
  if (no_crc != std::errc() || after_crc == end) return std::nullopt;
  const auto [after_bytes, no_bytes] = std::from_chars(after_crc + 1, end, digest.bytes);
  if (no_bytes != std::errc() || after_bytes == end) return std::nullopt;
  std::string name(after_bytes + 1, end);
  if (name.find('/') != std::string::npos || line_of(name, digest) != line + '\n') return std::nullopt;
  return std::pair(std::move(name), digest);
}

FileDigest digest_of(std::string_view text) {
  return {.bytes = text.size(), .crc = crc32c(std::as_bytes(std::span(text)))};
}

/// Empty if the file cannot be read to its end.
std::optional<std::uint32_t> crc_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> block(kBlock);
  std::uint32_t crc = 0;
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    crc = crc32c(std::as_bytes(std::span(block).first(static_cast<std::size_t>(file.gcount()))), crc);
  return file.eof() ? std::optional(crc) : std::nullopt;
}

std::optional<std::string> find_defect_of_file(const std::filesystem::path& path, const FileDigest& expected) {
  const std::string name = path.filename().string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return name + " is missing";
  const auto bytes = std::filesystem::file_size(path, error);
  if (error || bytes != expected.bytes)
    return name + " has " + std::to_string(bytes) + " bytes instead of " + std::to_string(expected.bytes);
  const auto crc = crc_of_file(path);
  if (!crc) return name + " cannot be read";
  if (*crc != expected.crc) return name + " has changed since it was written (checksum)";
  return std::nullopt;
}

}  // namespace

FolderWriter::FolderWriter(std::filesystem::path target) : target_(std::move(target)), partial_(target_) {
  partial_ += ".partial";
  std::error_code error;
  std::filesystem::remove_all(partial_, error);
  if (!error) std::filesystem::create_directories(partial_, error);
  if (error) throw_file_error("create", partial_, error.value());
}

FolderWriter::~FolderWriter() {
  std::error_code ignored;
  if (!is_committed_) std::filesystem::remove_all(partial_, ignored);
}

void FolderWriter::commit() {
  std::string text;
  for (const auto& [name, digest] : digests_) text += line_of(name, digest);
  text += line_of(kChecksumFile, digest_of(text));
  write_text_atomically(partial_ / kChecksumFile, text);  // syncs the folder too
  std::error_code error;
  if (std::filesystem::exists(target_, error)) throw_file_error("write", target_, EEXIST);
  std::filesystem::rename(partial_, target_, error);
  if (error) throw_file_error("write", target_, error.value());
  is_committed_ = true;
  sync_folder(target_.parent_path());
}

std::optional<std::string> find_defect(const std::filesystem::path& folder) {
  const auto list = folder / kChecksumFile;
  const std::string damaged = std::string(kChecksumFile) + " is damaged";
  std::error_code error;
  if (!std::filesystem::is_regular_file(list, error)) return std::string(kChecksumFile) + " is missing";
  if (std::filesystem::file_size(list, error) > kMaximumChecksumBytes || error) return damaged;
  std::ifstream file(list, std::ios::binary);
  std::string before;
  bool is_complete = false;
  std::map<std::string, FileDigest> digests;
  for (std::string line; std::getline(file, line) && !is_complete;) {
    const auto entry = parse_line(line);
    if (!entry) return damaged;
    is_complete = entry->first == kChecksumFile && entry->second == digest_of(before) && !file.eof();
    if (!is_complete) digests.insert(*entry);
    before += line + '\n';
  }
  if (!is_complete || std::filesystem::file_size(list, error) != before.size()) return damaged;
  for (const auto& [name, digest] : digests) {
    if (auto defect = find_defect_of_file(folder / name, digest)) return defect;
  }
  return std::nullopt;
}

}  // namespace normdescent
