// SPDX-License-Identifier: Apache-2.0
// Text as a stream of bytes, split into a training and a validation part. A token is a byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace normdescent {

/// What a corpus was made of, for reports.
struct CorpusInfo {
  std::string source;  ///< the path it was read from
  std::int64_t files = 0;
  std::int64_t skipped_binary_files = 0;
  std::int64_t files_beyond_cap = 0;  ///< files left out because the byte cap was reached
  std::int64_t training_bytes = 0;
  std::int64_t validation_bytes = 0;
  std::string content_hash;  ///< 16 hexadecimal digits over both parts; finds differences, resists no attacker
};

/// Immutable once loaded; shared freely between threads.
class Corpus {
 public:
  Corpus(std::string source, std::vector<std::uint8_t> training, std::vector<std::uint8_t> validation);

  [[nodiscard]] std::span<const std::uint8_t> training() const { return training_; }
  [[nodiscard]] std::span<const std::uint8_t> validation() const { return validation_; }
  [[nodiscard]] const CorpusInfo& info() const { return info_; }

  /// Throws UserError unless both parts hold at least one window of `context` tokens and the token after it.
  void require_window(std::int64_t context) const;

 private:
  friend class CorpusLoader;
  std::vector<std::uint8_t> training_;
  std::vector<std::uint8_t> validation_;
  CorpusInfo info_;
};

inline constexpr std::int64_t kMaxCorpusBytes = std::int64_t{1} << 30U;
/// Small enough to read in a fraction of a second, large enough that short runs see hardly any byte twice.
inline constexpr std::int64_t kSystemHeaderBytes = std::int64_t{32} << 20U;

/// Reads one text file, or every text file of a folder (recursive, sorted by path; hidden names, linked folders and
/// folders that this program wrote are left out, binary files are skipped and counted).
///
/// Split     ten or more files: every tenth file is validation; fewer: the last tenth of all bytes is, from the
///           character on that the cut falls in.
/// Cap       a folder above `max_bytes` is thinned: files are taken in a fixed pseudo-random order of their names until
///           the cap is reached. A single file above it is refused.
/// Throws    UserError: path missing, neither file nor folder, unreadable, empty, binary, no text in the folder.
[[nodiscard]] Corpus load_corpus(const std::filesystem::path& path, std::int64_t max_bytes = kMaxCorpusBytes);

inline constexpr const char* kSystemHeaders = "/usr/include";

/// The C and C++ headers under `root`: real text on every machine that has a compiler. Extensions .h .hpp .hh .hxx .inl
/// .ipp and the extensionless headers below a folder named c++. Split, cap and errors as load_corpus.
[[nodiscard]] Corpus load_system_headers(const std::filesystem::path& root = kSystemHeaders,
                                         std::int64_t max_bytes = kSystemHeaderBytes);

}  // namespace normdescent
