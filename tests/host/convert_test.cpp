#include "host/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace onecopy::host {
namespace {

std::vector<std::byte> bytes_of(const std::vector<std::uint16_t>& bits) {
  const auto bytes = std::as_bytes(std::span(bits));
  return {bytes.begin(), bytes.end()};
}

// By the format's definition.
float half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31)
    return mantissa != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * HUGE_VALF;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
}

TEST(Widen, EveryHalf) {
  std::vector<std::uint16_t> all(65'536);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  std::vector<float> out(all.size());
  widen(SourceType::kF16, bytes_of(all), out);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const float expected = half(all[i]);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(out[i])) << i;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected)) << i;
    }
  }
}

TEST(Widen, Bfloat16IsTheUpperHalfOfAFloat) {
  std::vector<std::uint16_t> all(65'536);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  std::vector<float> out(all.size());
  widen(SourceType::kBf16, bytes_of(all), out);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), static_cast<std::uint32_t>(i) << 16);
  }
}

TEST(Widen, FloatsStayWhatTheyAre) {
  const std::vector<float> in = {1.5F, -0.0F, std::numeric_limits<float>::denorm_min(), HUGE_VALF};
  std::vector<float> out(in.size());
  widen(SourceType::kF32, std::as_bytes(std::span(in)), out);
  EXPECT_EQ(out, in);
  EXPECT_TRUE(std::signbit(out[1]));
}

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
    EXPECT_TRUE(std::isnan(std::bit_cast<float>(std::uint32_t{bits} << 16))) << nan;
    EXPECT_EQ(bits >> 15, nan >> 31);
  }
}

}  // namespace
}  // namespace onecopy::host
