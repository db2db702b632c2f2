// SPDX-License-Identifier: Apache-2.0
// What every command line keeps to, as checks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "run.hpp"

namespace normdescent::cli {

/// Wrong usage or bad input: exit code 2, nothing on standard output, one line that says what is wrong, and at most one
/// that hints.
inline void expect_refusal(const Ran& ran, const std::string& what, const std::string& hint = {}) {
  EXPECT_EQ(ran.code, 2) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err.find("normdescent: "), 0U) << ran.err;
  EXPECT_NE(ran.err.find(what), std::string::npos) << "expected '" << what << "' in: " << ran.err;
  EXPECT_NE(ran.err.find(hint), std::string::npos) << "expected '" << hint << "' in: " << ran.err;
  EXPECT_LE(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << ran.err;
}

/// Exactly one JSON document on standard output.
inline nlohmann::json one_document(const Ran& ran) {
  const auto document = nlohmann::json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(document.is_object()) << "not one JSON object: " << ran.out.substr(0, 300);
  return document;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A folder of its own that is removed at the end.
class Scratch {
 public:
  Scratch() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) / ("normdescent_" + std::string(test->name()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Text with some structure, long enough for every split and short enough for seconds.
inline std::string sample_text(int lines = 400) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    text += "line " + std::to_string(i * i % 97) + ": the quick brown fox jumps over the lazy dog\n";
  }
  return text;
}

}  // namespace normdescent::cli
