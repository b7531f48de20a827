#include "shared/base/text_parts.h"

#include <gtest/gtest.h>

namespace onecopy {
namespace {

TEST(TextParts, TakesPartByPart) {
  std::string_view text = "a:bc::d";
  EXPECT_EQ(take_part(text, ':'), "a");
  EXPECT_EQ(take_part(text, ':'), "bc");
  EXPECT_EQ(take_part(text, ':'), "");
  EXPECT_EQ(text, "d");
  EXPECT_EQ(take_part(text, ':'), "d");
  EXPECT_EQ(text, "");
  EXPECT_EQ(take_part(text, ':'), "");
}

TEST(TextParts, DropsAPrefixThatIsThere) {
  std::string_view text = "onecopy:x";
  EXPECT_FALSE(drop_prefix(text, "other:"));
  EXPECT_EQ(text, "onecopy:x");
  EXPECT_TRUE(drop_prefix(text, "onecopy:"));
  EXPECT_EQ(text, "x");
}

}  // namespace
}  // namespace onecopy
