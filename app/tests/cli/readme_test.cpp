// SPDX-License-Identifier: Apache-2.0
// README's commands exist with the options it names, and its program is one that is built.
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "contracts.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent::cli {
namespace {

std::string source_file(const std::string& path) { return read_text(std::string(SOURCE_FOLDER "/") + path); }

/// The code blocks of a language, one after the other.
std::vector<std::string> code_lines(const std::string& text, const std::string& language) {
  std::vector<std::string> lines;
  std::istringstream input(text);
  bool is_inside = false;
  for (std::string line; std::getline(input, line);) {
    if (line.starts_with("```")) {
      is_inside = !is_inside && line == "```" + language;
    } else if (is_inside) {
      lines.push_back(line);
    }
  }
  return lines;
}

TEST(Readme, ItsCommandsExistWithTheirOptions) {
  const std::string readme = source_file("README.md");
  const std::regex command(R"(\./run ([a-z]+)([^`\n#]*))");
  std::set<std::string> seen;
  for (auto at = std::sregex_iterator(readme.begin(), readme.end(), command); at != std::sregex_iterator(); ++at) {
    const std::string name = (*at)[1];
    if (name == "test" || name == "bench") continue;  // of the script, not of the program
    seen.insert(name);
    const Ran help = run({name, "--help"});
    EXPECT_EQ(help.code, 0) << name << ": " << help.err;
    const std::string rest = (*at)[2];
    const std::regex option("--[a-z-]+");
    for (auto o = std::sregex_iterator(rest.begin(), rest.end(), option); o != std::sregex_iterator(); ++o) {
      EXPECT_TRUE(contains(help.out, o->str())) << name << " has no " << o->str();
    }
  }
  EXPECT_GE(seen.size(), 6U);
}

TEST(Readme, ItsProgramIsTheExampleThatIsBuilt) {
  const std::string readme = source_file("README.md");
  const std::string program = source_file("examples/consumer/main.cpp");
  const auto lines = code_lines(readme, "cpp");
  ASSERT_FALSE(lines.empty());
  for (const auto& line : lines) EXPECT_TRUE(contains(program, line)) << line;
}

TEST(Readme, FitsTheScreenItPromises) {
  const std::string readme = source_file("README.md");
  EXPECT_LT(std::count(readme.begin(), readme.end(), '\n'), 150);
  EXPECT_FALSE(contains(readme, "@OUTPUT@"));
}

}  // namespace
}  // namespace normdescent::cli
