#include "host/publish/pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "shared/base/bf16.h"

namespace onecopy::host {
namespace {

// Rows of a weight, and what pack_panel makes of them.
struct Packed {
  std::size_t rows;
  std::size_t cols;
  std::vector<float> source;
  std::vector<std::byte> panel;
  bool good = false;

  float weight(std::size_t n, std::size_t k) const {
    return n < rows && k < cols ? source[n * cols + k] : 0.0F;
  }
  template <class T>
  T at(std::size_t offset, std::size_t index) const {
    T value;
    std::memcpy(&value, panel.data() + offset + index * sizeof(T), sizeof(T));
    return value;
  }
};

// Into memory full of ones, between two lines of it that must stay.
Packed pack(DType dtype, std::size_t rows, std::size_t cols, std::vector<float> source) {
  constexpr std::size_t kLine = 64;
  Packed packed{rows, cols, std::move(source), {}};
  const std::size_t bytes = panel_bytes(dtype, cols);
  std::vector<std::byte> memory(kLine + bytes + kLine, std::byte{0xff});
  packed.good = pack_panel(dtype, packed.source.data(), rows, cols, memory.data() + kLine);
  const auto untouched = [](std::byte byte) { return byte == std::byte{0xff}; };
  EXPECT_TRUE(std::all_of(memory.begin(), memory.begin() + kLine, untouched));
  EXPECT_TRUE(std::all_of(memory.end() - kLine, memory.end(), untouched));
  packed.panel.assign(memory.begin() + kLine, memory.end() - kLine);
  return packed;
}

Packed pack_random(DType dtype, std::size_t rows, std::size_t cols) {
  std::mt19937 random(static_cast<unsigned>(rows * 10'000 + cols));
  std::normal_distribution<float> normal(0, 0.05F);
  std::vector<float> source(rows * cols);
  for (float& value : source) value = normal(random);
  return pack(dtype, rows, cols, std::move(source));
}

// By the format's definition.
std::int32_t quantized(const Packed& packed, std::size_t n, std::size_t k, float scale) {
  if (scale == 0.0F) return 0;
  const auto q = static_cast<std::int32_t>(std::nearbyint(packed.weight(n, k) / scale));
  return std::clamp(q, -127, 127);
}

float expected_scale(const Packed& packed, std::size_t n) {
  float largest = 0;
  for (std::size_t k = 0; k < packed.cols; ++k)
    largest = std::max(largest, std::fabs(packed.weight(n, k)));
  return largest / 127.0F;
}

void expect_s8_column(const Packed& packed, std::size_t n) {
  const S8Panel at = s8_panel(packed.cols);
  const float scale = expected_scale(packed, n);
  ASSERT_EQ(packed.at<float>(at.scales, n), scale) << n;
  std::int32_t sum = 0;
  for (std::size_t block = 0; block < at.blocks; ++block) {
    std::int32_t block_sum = 0;
    for (std::size_t k = block * kS8BlockRows; k < (block + 1) * kS8BlockRows; ++k) {
      const std::int32_t q = quantized(packed, n, k, scale);
      ASSERT_EQ(packed.at<std::int8_t>(0, panel_index(DType::kS8, packed.cols, k, n)), q)
          << n << ", " << k;
      block_sum += q;
    }
    ASSERT_EQ(packed.at<std::int16_t>(at.block_sums, block * kPanelWidth + n), block_sum) << n;
    sum += block_sum;
  }
  ASSERT_EQ(packed.at<std::int32_t>(at.sums, n), sum) << n;
}

void expect_s8(const Packed& packed) {
  ASSERT_TRUE(packed.good);
  for (std::size_t n = 0; n < kPanelWidth; ++n) expect_s8_column(packed, n);
}

class AwkwardSizes : public testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

TEST_P(AwkwardSizes, F32) {
  const auto [rows, cols] = GetParam();
  const Packed packed = pack_random(DType::kF32, rows, cols);
  ASSERT_TRUE(packed.good);
  for (std::size_t i = 0; i < cols * kPanelWidth; ++i) {
    const std::size_t n = i % kPanelWidth;
    ASSERT_EQ(packed.at<float>(0, i), packed.weight(n, i / kPanelWidth)) << i;
  }
}

TEST_P(AwkwardSizes, Bf16) {
  const auto [rows, cols] = GetParam();
  const Packed packed = pack_random(DType::kBf16, rows, cols);
  ASSERT_TRUE(packed.good);
  for (std::size_t k = 0; k < row_blocks(cols) * kS8BlockRows; ++k) {
    for (std::size_t n = 0; n < kPanelWidth; ++n) {
      ASSERT_EQ(packed.at<std::uint16_t>(0, panel_index(DType::kBf16, cols, k, n)),
                narrow_bf16(packed.weight(n, k)))
          << n << ", " << k;
    }
  }
}

TEST_P(AwkwardSizes, S8) {
  const auto [rows, cols] = GetParam();
  expect_s8(pack_random(DType::kS8, rows, cols));
}

// By hand: element (k, n) of a panel of 100 rows, which are two blocks of 64.
TEST(PackPanel, LiesInStripsOf16Columns) {
  EXPECT_EQ(panel_index(DType::kF32, 100, 5, 17), 5 * 64 + 17);
  EXPECT_EQ(panel_index(DType::kBf16, 100, 5, 17), 128 * 16 + (2 * 16 + 1) * 2 + 1);
  EXPECT_EQ(panel_index(DType::kS8, 100, 99, 63), 3 * 128 * 16 + (24 * 16 + 15) * 4 + 3);
  EXPECT_EQ(panel_bytes(DType::kBf16, 100), 128 * 64 * 2);
}

INSTANTIATE_TEST_SUITE_P(PackPanel, AwkwardSizes,
                         testing::Combine(testing::Values(1, 2, 63, 64),
                                          testing::Values(1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63,
                                                          64, 65, 96, 127, 130, 1024)));

TEST(PackPanel, Bf16KeepsInfinitiesAndNans) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Packed packed = pack(DType::kBf16, 1, 3, {HUGE_VALF, -HUGE_VALF, nan});
  ASSERT_TRUE(packed.good);
  EXPECT_EQ(packed.at<std::uint16_t>(0, 0), 0x7f80);
  EXPECT_EQ(packed.at<std::uint16_t>(0, 1), 0xff80);
  EXPECT_EQ(packed.at<std::uint16_t>(0, 2 * kStripWidth), 0x7fc0);
}

TEST(PackPanel, S8RowOfZeros) {
  const Packed packed = pack(DType::kS8, 2, 3, {0.0F, -0.0F, 0.0F, 1.0F, -2.0F, 0.5F});
  expect_s8(packed);
  EXPECT_EQ(packed.at<float>(s8_panel(3).scales, 0), 0.0F);
  EXPECT_FALSE(std::signbit(packed.at<float>(s8_panel(3).scales, 0)));
}

// Scales of 1: a half goes to the even neighbour.
TEST(PackPanel, S8RoundsHalvesToEven) {
  const Packed packed = pack(DType::kS8, 1, 8, {127, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, -127});
  expect_s8(packed);
  const std::vector<int> expected = {127, 0, 2, 2, 0, -2, -2, -127};
  for (std::size_t k = 0; k < 8; ++k)
    EXPECT_EQ(packed.at<std::int8_t>(0, k / 4 * kStripWidth * 4 + k % 4), expected[k]) << k;
}

// One weight far larger than the others leaves them nothing, and sums reach their limits.
TEST(PackPanel, S8OutliersAndLargestSums) {
  std::vector<float> source(std::size_t{3} * 200, 1e-3F);
  source[7] = -1e6F;
  std::fill_n(source.begin() + 200, 200, 3.0F);
  std::fill_n(source.begin() + 400, 200, -std::numeric_limits<float>::max());
  const Packed packed = pack(DType::kS8, 3, 200, source);
  expect_s8(packed);
  const S8Panel at = s8_panel(200);
  EXPECT_EQ(packed.at<std::int32_t>(at.sums, 0), -127);
  EXPECT_EQ(packed.at<std::int16_t>(at.block_sums, 1), 64 * 127);
  EXPECT_EQ(packed.at<std::int32_t>(at.sums, 1), 200 * 127);
  EXPECT_EQ(packed.at<std::int16_t>(at.block_sums, 2), -64 * 127);
  EXPECT_EQ(packed.at<std::int32_t>(at.sums, 2), -200 * 127);
}

// Scales are subnormal, rounded up or down, or zero: never a division by zero, never beyond 127.
TEST(PackPanel, S8Subnormals) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  for (const float largest : {1.0F, 63.0F, 64.0F, 127.0F, 128.0F, 190.0F, 191.0F, 1e4F, 1e7F}) {
    const Packed packed =
        pack(DType::kS8, 1, 5, {largest * tiny, -largest * tiny, tiny, 0.0F, largest / 2 * tiny});
    expect_s8(packed);
  }
  const Packed lost = pack(DType::kS8, 1, 2, {63 * tiny, tiny});
  EXPECT_EQ(lost.at<float>(s8_panel(2).scales, 0), 0.0F);
  EXPECT_EQ(lost.at<std::int8_t>(0, 0), 0);
}

TEST(PackPanel, S8RefusesWhatIsNotFinite) {
  for (const float bad :
       {HUGE_VALF, -HUGE_VALF, std::numeric_limits<float>::quiet_NaN(),
        -std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::signaling_NaN()}) {
    for (const std::size_t place : {0UL, 99UL, 100UL, 299UL}) {
      std::vector<float> source(300, 0.5F);
      source[place] = bad;
      EXPECT_FALSE(pack(DType::kS8, 3, 100, source).good) << bad << " at " << place;
    }
  }
}

}  // namespace
}  // namespace onecopy::host
