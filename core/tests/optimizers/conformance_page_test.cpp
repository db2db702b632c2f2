// SPDX-License-Identifier: Apache-2.0
// docs/conformance.md is true: the tests it names exist, and no bug of the list is without one.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "normdescent/io/atomic_file.hpp"

namespace normdescent {
namespace {

const std::filesystem::path kSource = SOURCE_FOLDER;

/// "Suite.Name" of every test in tests/, those of LibTorch too.
std::set<std::string> tests_in_source() {
  const std::regex declaration(R"(TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)|TYPED_TEST\(\s*(\w+),\s*(\w+)\))");
  std::set<std::string> names;
  for (const char* house : {"core", "libtorch", "research", "app", "legacy"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource / house / "tests")) {
      if (entry.path().extension() != ".cpp") continue;
      const std::string text = read_text(entry.path());
      for (std::sregex_iterator found(text.begin(), text.end(), declaration), end; found != end; ++found) {
        const std::smatch& m = *found;
        names.insert(m[1].matched ? m[1].str() + "." + m[2].str() : m[3].str() + "." + m[4].str());
      }
    }
  }
  return names;
}

std::set<std::string> tests_on_page() {
  const std::string page = read_text(kSource / "docs/conformance.md");
  const std::regex name(R"(`([A-Z]\w+\.[A-Z]\w+)`)");
  std::set<std::string> names;
  for (std::sregex_iterator found(page.begin(), page.end(), name), end; found != end; ++found)
    names.insert((*found)[1]);
  return names;
}

TEST(ConformancePage, NamesTestsThatExist) {
  const auto known = tests_in_source();
  const auto named = tests_on_page();
  EXPECT_GE(named.size(), 50U);
  for (const auto& name : named) EXPECT_TRUE(known.contains(name)) << name << " is on the page and nowhere else";
}

TEST(ConformancePage, HasEveryBugOfTheListAndEveryTestOfOne) {
  const auto named = tests_on_page();
  for (const auto& name : tests_in_source()) {
    const bool belongs =
        name.starts_with("Bug") || name.starts_with("OneLiner.") || name.starts_with("ConformanceTable");
    EXPECT_TRUE(!belongs || named.contains(name)) << name << " is not on the page";
  }
  const std::string page = read_text(kSource / "docs/conformance.md");
  for (char item = 'a'; item <= 'w'; ++item) {
    EXPECT_NE(page.find(std::string("\n| ") + item + " |"), std::string::npos) << "item " << item;
  }
}

}  // namespace
}  // namespace normdescent
