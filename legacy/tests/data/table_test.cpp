// SPDX-License-Identifier: Apache-2.0
// Tables: what is read, and each defect with its place.
#include "normdescent/data/table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

constexpr const char* kFlowers =
    "width,color,kind,height\r\n"
    "1.5,red,b,0\r\n"
    "\r\n"
    "2,\"dark, \"\"deep\"\" blue\",a,-3e-1\r\n"
    "+4,red,b,7\r\n";

Table csv(const std::string& text, TableOptions options = {.label = "y"}) { return parse_csv(text, "t.csv", options); }

void expect_refusal(const std::function<void()>& read, const std::string& message, const std::string& hint = "") {
  try {
    read();
    FAIL() << "accepted; expected: " << message;
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find(hint), std::string::npos) << error.hint();
  }
}
void expect_csv_refusal(const std::string& text, const std::string& message, const std::string& hint = "",
                        const TableOptions& options = {.label = "y"}) {
  expect_refusal([&] { (void)parse_csv(text, "t.csv", options); }, message, hint);
}
void expect_libsvm_refusal(const std::string& text, const std::string& message) {
  expect_refusal([&] { (void)parse_libsvm(text, "t.svm"); }, message);
}

TEST(CsvTable, HasTheCellsOfTheFile) {
  const Table table = csv(kFlowers, {.label = "kind", .categorical = {"color"}});
  EXPECT_EQ(table.classes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table.labels, (std::vector<std::int32_t>{1, 0, 1}));
  EXPECT_EQ(table.features, (std::vector<std::string>{"width", "height", "color=red", "color=dark, \"deep\" blue"}));
  EXPECT_EQ(table.starts, (std::vector<std::uint64_t>{0, 2, 5, 8}));
  EXPECT_EQ(table.columns, (std::vector<std::uint32_t>{0, 2, 0, 3, 1, 0, 2, 1}));
  EXPECT_EQ(table.values, (std::vector<float>{1.5F, 1, 2, 1, -0.3F, 4, 1, 7}));
  EXPECT_FALSE(table.is_sparse);
}

TEST(CsvTable, SeparatorIsSemicolonOrTabWhereTheHeaderHasNoComma) {
  EXPECT_EQ(csv("x;y\n1;a\n2;b\n").values, (std::vector<float>{1, 2}));
  EXPECT_EQ(csv("x\ty\n1\ta\n2\tb\n").values, (std::vector<float>{1, 2}));
}

TEST(CsvTable, EqualNumbersAreOneClassAndNumbersComeByValue) {
  const Table table = csv("x,y\n1,10\n1,9\n1,9.0\n1,+9\n");
  EXPECT_EQ(table.classes, (std::vector<std::string>{"9", "10"}));
  EXPECT_EQ(table.labels, (std::vector<std::int32_t>{1, 0, 0, 0}));
}

TEST(CsvTable, RefusesEachDefectWithItsPlace) {
  expect_csv_refusal("x,y\n1,a\n,b\n", "t.csv:3: column 'x' is missing a value");
  expect_csv_refusal("x,y\n1,a\nNA,b\n", "t.csv:3: column 'x' is missing a value ('NA')");
  expect_csv_refusal("x,y\n1,a\n2,\n", "t.csv:3: column 'y' is missing a value");
  expect_csv_refusal("x,y\nred,a\n2,b\n", "t.csv:2: column 'x' is 'red', must be a number", "--categorical x");
  expect_csv_refusal("x,y\n1 2,a\n2,b\n", "t.csv:2: column 'x' is '1 2', must be a number");
  expect_csv_refusal("x,y\n1,a\nnan,b\n", "t.csv:3: column 'x' is 'nan', must be finite");
  expect_csv_refusal("x,y\n-inf,a\n1,b\n", "t.csv:2: column 'x' is '-inf', must be finite");
  expect_csv_refusal("x,y\n1e39,a\n1,b\n", "t.csv:2: column 'x' is '1e39', must be finite in float32");
  expect_csv_refusal("x,y\n1e999,a\n1,b\n", "t.csv:2: column 'x' is '1e999', must be finite");
  expect_csv_refusal("x,y\n1,a\n1,2,b\n", "t.csv:3: 3 cells, the header has 2");
  expect_csv_refusal("x,y\n1,a\n1\n", "t.csv:3: 1 cells, the header has 2");
  expect_csv_refusal("x,y\n1,a\n\"1,b\n", "t.csv:3: a quote is not closed");
  expect_csv_refusal("x,y\n\"1\"2,a\n", "t.csv:2: text follows a closing quote");
  expect_csv_refusal("x,y\n1,a\n2,a\n", "all 2 rows of 't.csv' have the label 'a'");
  expect_csv_refusal("x,y\n", "'t.csv' has no rows");
  expect_csv_refusal("\n \n", "'t.csv' holds no table");
  expect_csv_refusal("y\na\nb\n", "no column but the label");
  expect_csv_refusal("x,y\n1,a\n2,b\n", "t.csv:1: no column is called 'yy'", "did you mean y?", {.label = "yy"});
  expect_csv_refusal("x,y\n1,a\n2,b\n", "t.csv:1: which column is the label?", "--label", {});
  expect_csv_refusal("x,x,y\n1,1,a\n", "t.csv:1: two columns are called 'x'");
  expect_csv_refusal("x,,y\n1,1,a\n", "t.csv:1: column 2 has no name");
  expect_csv_refusal("1.5,y\n1,a\n", "t.csv:1: column name '1.5' is a number");
  expect_csv_refusal("x,y\n1,a\n", "the label 'y' is named as categorical", "", {.label = "y", .categorical = {"y"}});
  std::string many = "x,y\n";
  for (std::size_t i = 0; i <= kMaxTableClasses; ++i) many += "1," + std::to_string(i) + "\n";
  expect_csv_refusal(many, "more than 1000 different values");
}

TEST(LibsvmTable, HasTheCellsOfTheFileAndOnlyColumnsThatOccur) {
  const Table table = parse_libsvm("+1 3:0.5 4294967295:-2  # a comment\n\n-1 3:1e-3\n1\n", "t.svm");
  EXPECT_EQ(table.features, (std::vector<std::string>{"3", "4294967295"}));
  EXPECT_EQ(table.classes, (std::vector<std::string>{"-1", "+1"}));
  EXPECT_EQ(table.labels, (std::vector<std::int32_t>{1, 0, 1}));
  EXPECT_EQ(table.starts, (std::vector<std::uint64_t>{0, 2, 3, 3}));
  EXPECT_EQ(table.columns, (std::vector<std::uint32_t>{0, 1, 0}));
  EXPECT_EQ(table.values, (std::vector<float>{0.5F, -2, 1e-3F}));
  EXPECT_TRUE(table.is_sparse);
}

TEST(LibsvmTable, RefusesEachDefectWithItsPlace) {
  expect_libsvm_refusal("1 1:1\n2 1:x\n", "t.svm:2: '1:x': the value must be a number");
  expect_libsvm_refusal("1 1:1\n2 1:\n", "t.svm:2: '1:': the value must be a number");
  expect_libsvm_refusal("1 1:nan\n", "t.svm:1: '1:nan': the value must be finite");
  expect_libsvm_refusal("1 4294967296:1\n", "t.svm:1: '4294967296:1' must be index:value");
  expect_libsvm_refusal("1 -1:1\n", "must be index:value");
  expect_libsvm_refusal("1 a:1\n", "must be index:value");
  expect_libsvm_refusal("1 7\n", "'7' must be index:value");
  expect_libsvm_refusal("1 2:1 2:3\n", "t.svm:1: index 2 follows 2");
  expect_libsvm_refusal("1:1 2:1\n", "t.svm:1: the row has no label");
  expect_libsvm_refusal("nan 1:1\n", "t.svm:1: the label is 'nan'");
  expect_libsvm_refusal("1 1:1\n1 2:1\n", "all 2 rows of 't.svm' have the label '1'");
  expect_libsvm_refusal("1\n2\n", "no index:value in any row");
  expect_libsvm_refusal("# nothing\n", "has no rows");
}

TEST(TableFile, IsReadByItsContent) {
  const test::TemporaryFolder folder;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return folder / name;
  };
  EXPECT_TRUE(read_table(write("a", "1 1:2\n0 1:3\n")).is_sparse);
  const Table table = read_table(write("b", "x,y\n1,a\n2,b\n"), {.label = "y"});
  EXPECT_FALSE(table.is_sparse);
  EXPECT_EQ(table.content_hash.size(), 16U);
  EXPECT_NE(table.content_hash, read_table(write("c", "x,y\n1,a\n3,b\n"), {.label = "y"}).content_hash);
  expect_refusal([&] { (void)read_table(write("empty", "")); }, "is empty");
  expect_refusal([&] { (void)read_table(folder / "absent"); }, "is not a file");
}

std::string numbered_rows(int count) {
  std::string text = "constant,x,y\n";
  for (int i = 0; i < count; ++i) text += "0.1," + std::to_string(i % 3) + (i % 2 == 0 ? ",a\n" : ",b\n");
  return text;
}

TEST(TableSplit, HoldsATenthOutAndEveryRowIsInOnePart) {
  const Table table = csv(numbered_rows(50));
  const TableSplit split = split_table(table);
  EXPECT_EQ(split.held_out.size(), 5U);
  std::vector<std::int64_t> all = split.training;
  all.insert(all.end(), split.held_out.begin(), split.held_out.end());
  std::sort(all.begin(), all.end());
  for (std::int64_t r = 0; r < 50; ++r) EXPECT_EQ(all[static_cast<std::size_t>(r)], r);
}

TEST(TableStandardization, GivesTheTrainingPartMeanZeroAndVarianceOneAndSilencesConstants) {
  const Table table = csv(numbered_rows(50));
  const TableSplit split = split_table(table);
  const Standardization standard = standardize(table, split.training);
  double sum = 0.0;
  double square = 0.0;
  for (const std::int64_t r : split.training) {  // x of row r is r mod 3: a third is 0 and not listed
    const double z =
        (static_cast<double>(r % 3) - static_cast<double>(standard.mean[1])) * static_cast<double>(standard.scale[1]);
    sum += z;
    square += z * z;
  }
  const auto n = static_cast<double>(split.training.size());
  EXPECT_NEAR(sum / n, 0.0, 1e-6);  // mean and scale are rounded to float32
  EXPECT_NEAR(square / n, 1.0, 1e-6);
  EXPECT_EQ(standard.scale[0], 0.0F);
}

}  // namespace
}  // namespace normdescent
