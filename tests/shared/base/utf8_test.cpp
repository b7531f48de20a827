#include "shared/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace onecopy {
namespace {

TEST(Utf8, RoundTripsEveryCodePoint) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    utf8::append(text, c);
    const utf8::Char first = utf8::decode_strict(text, 0);
    ASSERT_EQ(first.code, c);
    ASSERT_EQ(first.bytes, text.size());
    ASSERT_EQ(utf8::decode_before("x" + text, text.size() + 1).code, c);
    ASSERT_EQ(utf8::valid_prefix(std::string_view(text).substr(0, text.size() - 1)), 0u);
  }
}

TEST(Utf8, KnowsWhatIsValid) {
  EXPECT_TRUE(utf8::is_valid(""));
  EXPECT_TRUE(
      utf8::is_valid("a\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"
                     "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
  for (const char* bad : {"\xFF", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(",
                          "\xE2\x82(", "\xF0\x9F\x98(", "\xF0\x80\x80\x80"}) {
    EXPECT_FALSE(utf8::is_valid(bad));
    EXPECT_EQ(utf8::valid_prefix(std::string("ab") + bad), 2U);
    EXPECT_EQ(utf8::decode(bad, 0).bytes, 1U);
    EXPECT_EQ(utf8::decode(bad, 0).code, 0xFFFDU);
  }
}

// A text in memory that another process writes can end inside a character at any time. The string
// is as long as its allocation, so that the address sanitizer sees a byte too far.
TEST(Utf8, NeverReadsBeyondTheText) {
  for (const char* cut : {"\xC3", "\xE2", "\xE2\x82", "\xF0", "\xF0\x9F", "\xF0\x9F\x98"}) {
    const std::string whole = std::string(cut) + "\x80\x80\x80";
    for (std::size_t bytes = 1; bytes <= std::string_view(cut).size(); ++bytes) {
      const std::string_view text = std::string_view(whole).substr(0, bytes);
      EXPECT_EQ(utf8::decode_strict(text, 0).bytes, 0U);
      EXPECT_EQ(utf8::decode(text, 0).bytes, 1U);
      EXPECT_LE(utf8::decode_before(text, bytes).bytes, bytes);
    }
  }
}

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(utf8::count(""), 0U);
  EXPECT_EQ(utf8::count("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"), 4U);
}

}  // namespace
}  // namespace onecopy
