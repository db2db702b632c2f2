// SPDX-License-Identifier: Apache-2.0
#include "zoo_text.hpp"

#include <filesystem>
#include <string_view>

#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/train_vocabulary.hpp"

namespace normdescent {
namespace {

constexpr std::int64_t kCodeBytes = std::int64_t{2} << 20U;

std::shared_ptr<const Corpus> load(ZooText text) {
  if (text == ZooText::code) return std::make_shared<const Corpus>(load_system_headers(kSystemHeaders, kCodeBytes));
  std::error_code ignored;
  if (!std::filesystem::is_directory(kProseFolder, ignored)) {
    throw UserError("the prose of the zoo is the licence texts in '" + std::string(kProseFolder) +
                        "', which this machine does not have",
                    "Debian and Ubuntu have them (package base-files); problems on code or drawn data need no prose");
  }
  return std::make_shared<const Corpus>(load_corpus(kProseFolder));
}

std::shared_ptr<const TokenCorpus> encode(ZooText text) {
  const auto source = zoo_corpus(text);
  const std::string_view training(reinterpret_cast<const char*>(source->training().data()), source->training().size());
  return encode_corpus(
      *source, Encoder(train_vocabulary({&training, 1}, {.size = kZooVocabulary, .name = "zoo", .on_progress = {}})));
}

}  // namespace

std::shared_ptr<const Corpus> zoo_corpus(ZooText text) {
  if (text == ZooText::code) {
    static const auto code = load(ZooText::code);
    return code;
  }
  static const auto prose = load(ZooText::prose);
  return prose;
}

std::shared_ptr<const TokenCorpus> zoo_bytes(ZooText text) { return byte_tokens(zoo_corpus(text)); }

std::shared_ptr<const TokenCorpus> zoo_tokens(ZooText text) {
  if (text == ZooText::code) {
    static const auto code = encode(ZooText::code);
    return code;
  }
  static const auto prose = encode(ZooText::prose);
  return prose;
}

}  // namespace normdescent
