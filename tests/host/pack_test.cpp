#include "host/pack.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "shared/packed_weight.h"

namespace onecopy::host {
namespace {

TEST(PackPanel, EveryElementAtItsPlaceForAwkwardSizes) {
  for (const std::size_t rows : {1UL, 2UL, 63UL, 64UL}) {
    for (const std::size_t cols : {1UL, 3UL, 15UL, 16UL, 17UL, 64UL, 96UL, 1024UL}) {
      std::vector<float> source(rows * cols);
      std::iota(source.begin(), source.end(), 1.0F);
      std::vector<float> panel(cols * kPanelWidth, -1.0F);
      pack_panel(source.data(), rows, cols, panel.data());
      for (std::size_t k = 0; k < cols; ++k) {
        for (std::size_t n = 0; n < kPanelWidth; ++n) {
          const float expected = n < rows ? source[n * cols + k] : 0.0F;
          ASSERT_EQ(panel[k * kPanelWidth + n], expected)
              << rows << "x" << cols << " at " << n << ", " << k;
        }
      }
    }
  }
}

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
