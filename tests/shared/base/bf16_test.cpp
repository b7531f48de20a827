#include "shared/base/bf16.h"

#include <gtest/gtest.h>

#include <cmath>

namespace onecopy {
namespace {

// The bf16 next to zero of the two that enclose the value, and the one behind it: both as doubles,
// where the one behind the largest is what infinity stands for when rounding.
TEST(NarrowBf16, NearestAndEvenOfTwo) {
  for (std::uint32_t high = 0; high < 0x7f80; ++high) {
    const double low = std::bit_cast<float>(high << 16);
    const double next = high == 0x7f7f ? 0x1p128 : std::bit_cast<float>((high + 1) << 16);
    for (const std::uint32_t rest : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU}) {
      const float value = std::bit_cast<float>(high << 16 | rest);
      const double below = value - low;
      const double above = next - value;
      const bool up = above < below || (above == below && high % 2 == 1);
      const std::uint32_t expected = up ? high + 1 : high;
      ASSERT_EQ(narrow_bf16(value), expected) << high << " " << rest;
      ASSERT_EQ(narrow_bf16(-value), expected | 0x8000U) << high << " " << rest;
    }
  }
}

TEST(NarrowBf16, InfinitiesAndNansStay) {
  EXPECT_EQ(narrow_bf16(HUGE_VALF), 0x7f80);
  EXPECT_EQ(narrow_bf16(-HUGE_VALF), 0xff80);
  for (const std::uint32_t nan :
       {0x7f800001U, 0x7fc00000U, 0x7fffffffU, 0xff800001U, 0xffffffffU}) {
    const std::uint16_t bits = narrow_bf16(std::bit_cast<float>(nan));
    EXPECT_TRUE(std::isnan(widen_bf16(bits))) << nan;
    EXPECT_EQ(bits >> 15, nan >> 31);
  }
}

}  // namespace
}  // namespace onecopy
