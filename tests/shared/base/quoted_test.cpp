#include "shared/base/quoted.h"

#include <gtest/gtest.h>

#include "shared/base/utf8.h"

namespace onecopy {
namespace {

TEST(Quoted, ShortensBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc...");
  EXPECT_EQ(shortened("ab\xC3\xBC", 3), "ab...");
  EXPECT_EQ(shortened("ab\xC3\xBC", 4), "ab\xC3\xBC");
  EXPECT_EQ(shortened(""), "");
}

// Nothing from outside can end the line of a log, begin another, or move a terminal's cursor.
TEST(Quoted, IsOneLineWithoutControlCharacters) {
  EXPECT_EQ(shortened("a\nb\x1B[2J\x7F\xC2\x9B"), "a b [2J  ");
  EXPECT_EQ(shortened(std::string_view("a\0b", 3)), "a b");
}

TEST(Quoted, IsValidUtf8WhateverTheBytes) {
  EXPECT_EQ(shortened("\xFF\xC3"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  const std::string long_text = shortened(std::string(1000, '\xFF'));
  EXPECT_TRUE(utf8::is_valid(long_text));
  EXPECT_LE(long_text.size(), 64 + std::string_view("...").size());
}

TEST(Quoted, PutsItInQuotationMarks) { EXPECT_EQ(in_quotes("a b"), "\"a b\""); }

}  // namespace
}  // namespace onecopy
