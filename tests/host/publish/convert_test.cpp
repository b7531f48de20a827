#include "host/publish/convert.h"

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

}  // namespace
}  // namespace onecopy::host
