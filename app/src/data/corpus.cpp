// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/corpus.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/data/text_files.hpp"
#include "normdescent/tokens/pretokens.hpp"

namespace normdescent {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kGrowBytes = std::size_t{64} << 10U;

using Bytes = std::vector<std::uint8_t>;

std::uint64_t hash_name(const std::string& name) {
  return hash_bytes({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

Bytes read_file(const fs::path& path) {
  const auto refuse = [&path] {
    throw UserError("cannot read '" + path.string() + "': " + std::strerror(errno),
                    "check the permissions of the file");
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) refuse();
  std::error_code ignored;
  const std::uintmax_t expected = fs::file_size(path, ignored);
  Bytes bytes(ignored ? 0 : static_cast<std::size_t>(expected) + 1);  // one more: the end shows without growing
  // The size is a hint only: a file may grow, and special files report none.
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) bytes.resize(used + kGrowBytes);
    const std::size_t got = std::fread(bytes.data() + used, 1, bytes.size() - used, file.get());
    used += got;
    if (got == 0) break;
  }
  if (std::ferror(file.get()) != 0) refuse();
  bytes.resize(used);
  return bytes;
}

void append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

struct Split {
  Bytes training;
  Bytes validation;
};

Split split_tail(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto cut = static_cast<std::ptrdiff_t>(character_begin(text, bytes.size() - bytes.size() / 10));
  Split split;
  split.validation.assign(bytes.begin() + cut, bytes.end());
  bytes.resize(static_cast<std::size_t>(cut));
  split.training = std::move(bytes);
  return split;
}

Split split_files(const std::vector<Bytes>& contents) {
  Split split;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const bool is_validation = is_validation_file(i);
    append(is_validation ? split.validation : split.training, contents[i]);
  }
  if (contents.size() >= kFilesPerValidationFile) return split;
  return split_tail(std::move(split.training));
}

}  // namespace

Corpus::Corpus(std::string source, std::vector<std::uint8_t> training, std::vector<std::uint8_t> validation)
    : training_(std::move(training)), validation_(std::move(validation)) {
  info_.source = std::move(source);
  info_.files = 1;
  info_.training_bytes = static_cast<std::int64_t>(training_.size());
  info_.validation_bytes = static_cast<std::int64_t>(validation_.size());
  info_.content_hash = hash_text(hash_bytes(validation_, hash_bytes(training_)));
}

void Corpus::require_window(std::int64_t context) const {
  const auto check = [&](const char* part, std::int64_t bytes) {
    if (bytes > context) return;
    throw UserError("'" + info_.source + "' is too short: its " + part + " part has " + std::to_string(bytes) +
                        " bytes, one window of the model needs " + std::to_string(context + 1),
                    "give more text (a tenth of it is held out for validation) or a smaller context");
  };
  check("training", info_.training_bytes);
  check("validation", info_.validation_bytes);
}

/// Fills in what only the reader of a folder knows.
class CorpusLoader {
 public:
  static Corpus file(const fs::path& path, std::int64_t max_bytes) {
    std::error_code ignored;
    const std::uintmax_t size = fs::file_size(path, ignored);
    if (!ignored && size > static_cast<std::uintmax_t>(max_bytes)) {
      throw UserError("'" + path.string() + "' has " + std::to_string(size) + " bytes, at most " +
                          std::to_string(max_bytes) + " fit a corpus",
                      "cut it, e.g. head -c " + std::to_string(max_bytes));
    }
    Bytes bytes = read_file(path);
    if (bytes.empty()) throw UserError("'" + path.string() + "' is empty", "give a file or a folder of text");
    if (const std::string why = why_binary(bytes); !why.empty()) refuse_binary(path, why);
    Split split = split_tail(std::move(bytes));
    return {path.string(), std::move(split.training), std::move(split.validation)};
  }

  static Corpus folder(const fs::path& root, std::int64_t max_bytes, const FileFilter& wanted) {
    const std::vector<std::string> names = list_text_files(root, wanted);
    // Position in `names`, in the order of thinning. The hash is of the relative name: the same on every machine.
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < names.size(); ++i) order.emplace_back(hash_name(names[i]), i);
    std::sort(order.begin(), order.end());

    std::vector<std::pair<std::size_t, Bytes>> taken;
    CorpusInfo counts;
    std::string first_skipped;
    std::int64_t total = 0;
    for (const auto& [hash, index] : order) {
      const fs::path path = root / names[index];
      std::error_code unknown_size;
      const auto size = static_cast<std::int64_t>(fs::file_size(path, unknown_size));
      if (!unknown_size && total + size > max_bytes) {
        ++counts.files_beyond_cap;
        continue;
      }
      Bytes bytes = read_file(path);
      if (bytes.empty()) continue;
      if (const std::string why = why_binary(bytes); !why.empty()) {
        if (counts.skipped_binary_files++ == 0) first_skipped = names[index] + ": " + why;
        continue;
      }
      total += static_cast<std::int64_t>(bytes.size());
      taken.emplace_back(index, std::move(bytes));
    }
    if (taken.empty()) {
      throw UserError("no text files in '" + root.string() + "' (" + std::to_string(counts.skipped_binary_files) +
                          " binary files skipped" + (first_skipped.empty() ? "" : "; " + first_skipped) + ")",
                      "give a file or a folder of text");
    }
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Bytes> contents;
    for (auto& [index, bytes] : taken) contents.push_back(std::move(bytes));
    Split split = split_files(contents);
    Corpus corpus(root.string(), std::move(split.training), std::move(split.validation));
    corpus.info_.files = static_cast<std::int64_t>(contents.size());
    corpus.info_.skipped_binary_files = counts.skipped_binary_files;
    corpus.info_.files_beyond_cap = counts.files_beyond_cap;
    return corpus;
  }
};

Corpus load_corpus(const fs::path& path, std::int64_t max_bytes) {
  require_text_path(path);
  if (fs::is_directory(path)) return CorpusLoader::folder(path, max_bytes, [](const fs::path&) { return true; });
  return CorpusLoader::file(path, max_bytes);
}

Corpus load_system_headers(const fs::path& root, std::int64_t max_bytes) {
  std::error_code ignored;
  if (!fs::is_directory(root, ignored)) {
    throw UserError("there are no system headers under '" + root.string() + "' to train on",
                    "name a text file or a folder of text with --data");
  }
  return CorpusLoader::folder(root, max_bytes, is_header_file);
}

}  // namespace normdescent
