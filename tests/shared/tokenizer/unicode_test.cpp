#include "shared/tokenizer/unicode_tables.h"

#include <gtest/gtest.h>

namespace onecopy::unicode {
namespace {

bool has(char32_t c, std::uint16_t flag) { return (kind_of(c).flags & flag) != 0; }

TEST(Unicode, KindsAreThoseOfThePackage) {
  EXPECT_TRUE(has(U'a', kLetter) && has(U'a', kWord) && !has(U'a', kPunctuation));
  EXPECT_TRUE(has(U'@', kPunctuation) && !has(U'@', kWord));
  EXPECT_TRUE(has(0x0, kDropped) && has(0xFFFD, kDropped) && has(0xE000, kDropped) &&
              has(0x200B, kDropped));
  EXPECT_TRUE(has(U'\t', kSpace) && !has(U'\t', kDropped));
  EXPECT_TRUE(has(0x85, kSpace) && has(0x85, kDropped));
  EXPECT_TRUE(has(0x3000, kSpace) && !has(0x200B, kSpace) && !has(0x180E, kSpace));
  EXPECT_TRUE(has(0x301, kMark) && !has(0x8D3, kMark));  // U+08D3 came with Unicode 11
  EXPECT_TRUE(has(0x166D, kPunctuation) && has(0x111C9, kPunctuation));
  EXPECT_TRUE(has(0xBD, kNumber) && has(0x2167, kNumber) && has(0x4E00, kLetter));
  EXPECT_EQ(kind_of(0x301).combining_class, 230);
  EXPECT_EQ(kind_of(0x323).combining_class, 220);
  EXPECT_EQ(kind_of(0x10FFFF).flags, kind_of(0xFFFFFFFF).flags);
  EXPECT_EQ(kind_of(0x7F).flags, kind_beyond_ascii(0x7F).flags);
}

TEST(Unicode, AsciiKindsAreThoseOfTheRanges) {
  for (char32_t c = 0; c < 128; ++c) {
    EXPECT_EQ(kind_of(c).flags, kind_beyond_ascii(c).flags) << static_cast<unsigned>(c);
  }
}

TEST(Unicode, LowerCase) {
  EXPECT_EQ(lower_case(U'A').chars[0], U'a');
  EXPECT_EQ(lower_case(0x100).chars[0], 0x101u);
  EXPECT_EQ(lower_case(0x1E9E).chars[0], 0xDFu);
  EXPECT_EQ(lower_case(0x3A3).chars[0], 0x3C3u);  // never the final sigma
  EXPECT_EQ(lower_case(0x130).count, 2u);
  EXPECT_EQ(lower_case(0x130).chars[1], 0x307u);
  EXPECT_EQ(lower_case(U'a').chars[0], U'a');
}

TEST(Unicode, Decompose) {
  EXPECT_EQ(decompose(0xE9).count, 2u);
  EXPECT_EQ(decompose(0xE9).chars[1], 0x301u);
  EXPECT_EQ(decompose(0x1F82).count, 4u);
  EXPECT_EQ(decompose(0xAC01).count, 3u);
  EXPECT_EQ(decompose(0xAC01).chars[2], 0x11A8u);
  EXPECT_EQ(decompose(0xAC00).count, 2u);
  EXPECT_EQ(decompose(0xD7A3).chars[2], 0x11C2u);
  EXPECT_EQ(decompose(0x2FA1D).chars[0], 0x2A600u);
  EXPECT_EQ(decompose(U'a').count, 1u);
  EXPECT_EQ(decompose(0x10FFFF).count, 1u);
  EXPECT_EQ(decompose(0x110001).count, 1u);
}

}  // namespace
}  // namespace onecopy::unicode
