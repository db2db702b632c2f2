// SPDX-License-Identifier: Apache-2.0
// The texts of the zoo: C and C++ headers as code, licence texts as prose; as bytes or in an encoding learned from
// them.
#pragma once

#include <memory>

#include "normdescent/data/token_corpus.hpp"

namespace normdescent {

enum class ZooText {
  code,   ///< the headers under the system include folder, thinned to 2 MiB
  prose,  ///< the licence texts that every Debian and Ubuntu has
};

inline constexpr const char* kProseFolder = "/usr/share/common-licenses";
inline constexpr Index kZooVocabulary = 512;  ///< learned tokens

/// Read once in a process and shared. UserError where the text is not on this machine.
[[nodiscard]] std::shared_ptr<const Corpus> zoo_corpus(ZooText text);
/// Its bytes as tokens.
[[nodiscard]] std::shared_ptr<const TokenCorpus> zoo_bytes(ZooText text);
/// The same text in a byte-pair encoding of kZooVocabulary tokens learned from its training part.
[[nodiscard]] std::shared_ptr<const TokenCorpus> zoo_tokens(ZooText text);

}  // namespace normdescent
