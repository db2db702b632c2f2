// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace normdescent {
namespace {

TEST(Text, SignificantKeepsDigitsAndAvoidsExponents) {
  EXPECT_EQ(significant(2.5), "2.50");
  EXPECT_EQ(significant(0.0031622776), "0.00316");
  EXPECT_EQ(significant(124439.4), "124439");
  EXPECT_EQ(significant(-9.996), "-10.0");  // rounding moves the exponent
  EXPECT_EQ(significant(0.9996, 2), "1.0");
  EXPECT_EQ(significant(1.24e-5, 2), "1.2e-05");
  EXPECT_EQ(significant(3e7), "3.00e+07");
  EXPECT_EQ(significant(0.0), "0");
  EXPECT_EQ(significant(std::nan("")), "-");
  EXPECT_EQ(significant(-std::numeric_limits<double>::infinity()), "-");
}

TEST(Text, FixedAndGrouped) {
  EXPECT_EQ(fixed(2.345, 1), "2.3");
  EXPECT_EQ(fixed(std::numeric_limits<double>::max(), 0).size(), 309U);
  EXPECT_EQ(grouped(124439808), "124,439,808");
  EXPECT_EQ(grouped(-1000), "-1,000");
  EXPECT_EQ(grouped(999), "999");
}

TEST(Text, DurationsChangeUnit) {
  EXPECT_EQ(duration(0.84), "0.8 s");
  EXPECT_EQ(duration(9.96), "10 s");
  EXPECT_EQ(duration(185.0), "3 min 05 s");
  EXPECT_EQ(duration(7860.0), "2 h 11 min");
  EXPECT_EQ(duration(-1.0), "-");
}

TEST(Text, ClausesBecomeSentences) {
  EXPECT_EQ(as_sentence("the noise is sparse"), "The noise is sparse.");
  EXPECT_EQ(as_sentence("Done."), "Done.");
  EXPECT_EQ(as_sentence(""), "");
}

TEST(Text, AnyBytesBecomeUtf8AndComeBack) {
  EXPECT_EQ(utf8_text("caf\xC3\xA9/\xE2\x82\xAC/\xF0\x9F\x98\x80"), "caf\xC3\xA9/\xE2\x82\xAC/\xF0\x9F\x98\x80");
  EXPECT_EQ(utf8_text("caf\xE9"), "caf\\xe9");
  EXPECT_EQ(utf8_text("a\\b"), "a\\b") << "a backslash alone is left as it is";
  EXPECT_EQ(utf8_text("a\\b\xFF"), "a\\\\b\\xff");
  EXPECT_EQ(utf8_text("\\xe9"), "\\\\xe9") << "unlike the byte";
  // Overlong, a surrogate, beyond the last character, cut.
  for (const char* bad : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5", "\xE2\x82", "\x80"})
    EXPECT_NE(utf8_text(bad).find("\\x"), std::string::npos);
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    for (const std::string& before : {"", "\\", "\\x", "x", "\xC3", "\\\\", "\xE2\x82"}) {
      const std::string bytes = before + static_cast<char>(byte) + "1f\\x41";
      EXPECT_EQ(bytes_of_utf8_text(utf8_text(bytes)), bytes);
    }
  }
  EXPECT_EQ(bytes_of_utf8_text(utf8_text(all)), all);
}

}  // namespace
}  // namespace normdescent
