// SPDX-License-Identifier: Apache-2.0
// Merges the bytes of one pre-token: always the pair of lowest rank, the leftmost one among equals.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pair_table.hpp"

namespace normdescent::tokens {

/// Scratch memory of one thread; grows to the longest pre-token and is then reused.
class Merger {
 public:
  Merger(const Vocabulary& vocabulary, const PairTable& pairs) : vocabulary_(vocabulary), pairs_(pairs) {}

  /// Appends the tokens of `pretoken` to `out`.
  void merge(std::string_view pretoken, std::vector<Token>& out);

 private:
  /// A token of the sequence with its neighbours, linked so that a merge moves nothing.
  struct Link {
    Token token;
    std::uint32_t previous;
    std::uint32_t next;
  };
  struct Candidate {
    Token rank;
    std::uint32_t position;
    Token left;
    Token right;
    /// For a heap that has the smallest (rank, position) on top.
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };

  void merge_short(std::string_view pretoken, std::vector<Token>& out);
  void merge_long(std::string_view pretoken, std::vector<Token>& out);
  void offer(std::uint32_t position);

  const Vocabulary& vocabulary_;
  const PairTable& pairs_;
  std::vector<Token> tokens_;
  std::vector<Token> ranks_;
  std::vector<Link> links_;
  std::vector<Candidate> heap_;
};

}  // namespace normdescent::tokens
