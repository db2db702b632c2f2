// SPDX-License-Identifier: Apache-2.0
// What it takes to add something, counted on what was added last: CONTRIBUTING names these files and no other has to
// change.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace normdescent {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SOURCE_FOLDER;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Sources in these folders that hold one of the words.
std::set<std::string> files_with(const std::vector<std::string>& folders, const std::vector<std::string>& words) {
  std::set<std::string> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      const std::string text = read(entry.path());
      if (std::ranges::any_of(words, [&](const std::string& word) { return text.find(word) != std::string::npos; }))
        files.insert(fs::relative(entry.path(), kSource).generic_string());
    }
  }
  return files;
}

void expect_listed(const std::set<std::string>& files, std::size_t most) {
  const std::string page = read(kSource / "CONTRIBUTING.md");
  EXPECT_FALSE(files.empty());
  EXPECT_LE(files.size(), most);
  for (const std::string& file : files)
    EXPECT_NE(page.find("`" + file + "`"), std::string::npos) << file << " is not in CONTRIBUTING.md";
}

TEST(Footprint, OfAGeometryIsFiveFiles) {
  auto files = files_with({"core/include", "core/src", "research/include", "research/src", "libtorch/include",
                           "libtorch/src", "app/include", "app/src"},
                          {"column_wise", "ColumnWise", "column-wise"});
  // The catalog had an optimizer of columns before there was the geometry: its direction says whose dual map it is.
  files.erase("core/src/optimizers/recipe.cpp");
  expect_listed(files, 5);
}

TEST(Footprint, OfAnOptimizerIsFourFilesWithItsTests) {
  const auto files = files_with({"core/include", "core/src", "core/tests/optimizers", "libtorch", "research", "app"},
                                {"cautious_lion", "cautious-lion", "CautiousLion"});
  expect_listed(files, 4);
}

TEST(Footprint, OfAStrangersProgramsIsShort) {
  for (const auto& [example, most] : {std::pair{"own_norm", 60}, {"own_problem", 40}}) {
    const std::string text = read(kSource / "examples" / example / "main.cpp");
    EXPECT_GT(text.size(), 0U) << example;
    EXPECT_LE(std::ranges::count(text, '\n'), most) << example;
  }
}

}  // namespace
}  // namespace normdescent
