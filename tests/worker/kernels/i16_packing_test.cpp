// What attention rounds and packs for its products of 16-bit integers, against what the header
// says: every tail, extreme values, every instruction set.
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "shared/segment/packed_weight.h"
#include "tests/worker/kernels/targets.h"
#include "worker/kernels/i16_attention.h"
#include "worker/kernels/i16_product.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kUntouched = 12345;
constexpr std::int16_t kOtherwise = 0x5A5A;

// Rows of up to 64 columns with every kind of number.
std::vector<float> columns_with(float special, std::size_t rows, std::size_t columns) {
  std::vector<float> x = random_floats(rows * 70 + 1, 5);
  if (special != 0) x[1 + rows / 2 * 70 + columns - 1] = special;
  return x;
}

std::uint32_t bits(float v) { return std::bit_cast<std::uint32_t>(v); }

TEST(Magnitudes, AreThoseOfTheLargestAndKeepWhatIsNoNumber) {
  for_each_target([] {
    for (const float special :
         {0.0F, -1e30F, -65504.0F, 1e38F, kInfinity, -kInfinity, kNan, -kNan}) {
      for (std::size_t columns = 1; columns <= 64; ++columns) {
        constexpr std::size_t kRows = 5;
        const std::vector<float> x = columns_with(special, kRows, columns);
        std::vector<float> of_rows(kRows + 1, 0.25F);
        std::vector<float> of_columns(columns + 1, kUntouched);
        std::vector<float> want_rows = of_rows;
        std::vector<float> want_columns(columns, 0.0F);
        const auto take = [](float v, float& most) {  // a NaN stays
          if (!(std::abs(v) <= most)) most = std::abs(v);
        };
        for (std::size_t r = 0; r < kRows; ++r) {
          for (std::size_t j = 0; j < columns; ++j) {
            const float v = x[1 + r * 70 + j];
            if (!std::isnan(want_rows[r])) take(v, want_rows[r]);
            if (!std::isnan(want_columns[j])) take(v, want_columns[j]);
          }
        }
        row_magnitudes({x.data() + 1, 70, kRows, columns}, of_rows.data());
        column_magnitudes({x.data() + 1, 70, kRows, columns}, of_columns.data());
        ASSERT_EQ(of_columns[columns], kUntouched);
        for (std::size_t r = 0; r <= kRows; ++r) ASSERT_EQ(bits(of_rows[r]), bits(want_rows[r]));
        for (std::size_t j = 0; j < columns; ++j) {
          ASSERT_EQ(bits(of_columns[j]), bits(want_columns[j])) << j;
        }
      }
    }
  });
}

TEST(RoundRows, IsToNearestEvenAndFillsUpThePair) {
  for_each_target([] {
    for (std::size_t columns = 1; columns <= 64; ++columns) {
      std::vector<float> x = random_floats(3 * 70 + 1, 6, 3);
      x[1] = 2.5F;
      const std::vector<float> factors{1, 1000, 0};
      const std::size_t stride = columns + 3;
      std::vector<std::int16_t> y(3 * stride + 1, kOtherwise);
      round_rows({x.data() + 1, 70, 3, columns}, factors.data(), y.data() + 1, stride);
      ASSERT_EQ(y[1], 2);
      for (std::size_t i = 0; i < y.size() - 1; ++i) {
        const std::size_t j = i % stride;
        const std::size_t row = i / stride;
        const auto want = j < columns ? std::lrint(factors[row] * x[1 + row * 70 + j])
                                      : (j == columns && columns % 2 != 0 ? 0 : kOtherwise);
        ASSERT_EQ(y[1 + i], want) << columns << ", " << i;
      }
    }
  });
}

// Values that are no numbers may become anything, but must not break anything: the products that
// follow must still be computable.
TEST(RoundRows, SurvivesWhatIsNoNumber) {
  for_each_target([] {
    for (const float poison : {kInfinity, -kInfinity, kNan}) {
      std::vector<float> x(64, poison);
      const float factor = 0;
      std::vector<std::int16_t> a(64);
      round_rows({x.data(), 64, 1, 64}, &factor, a.data(), 64);
      std::vector<std::int16_t> b(64 * kPanelWidth);
      pack_keys(a.data(), 64, 1, 64, b.data());
      std::vector<float> c(kPanelWidth);
      multiply_i16({.m = 1,
                    .n = 1,
                    .k = 64,
                    .a = a.data(),
                    .lda = 64,
                    .b = b.data(),
                    .c = c.data(),
                    .ldc = 64});
      EXPECT_TRUE(std::isfinite(c[0]));
    }
  });
}

TEST(PackKeys, PutsPairsOfColumnsSideBySide) {
  for_each_target([] {
    for (const std::size_t columns :
         {1u, 2u, 7u, 8u, 9u, 15u, 16u, 21u, 32u, 64u, 96u, 128u, 160u}) {
      for (const std::size_t rows : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 31u, 63u, 64u}) {
        const std::size_t stride = (columns + 31) / 32 * 32;
        const std::size_t pairs = (columns + 1) / 2;
        std::vector<std::int16_t> x(64 * stride);
        std::mt19937 random(1);
        for (auto& v : x) v = static_cast<std::int16_t>(static_cast<int>(random() % 8191) - 4095);
        std::vector<std::int16_t> y(pairs * 2 * kPanelWidth + 2, kOtherwise);
        pack_keys(x.data(), stride, rows, columns, y.data());
        for (std::size_t i = 0; i < y.size() - 2; ++i) {
          const std::size_t key = i / 2 % kPanelWidth;
          const std::size_t column = i / (2 * kPanelWidth) * 2 + i % 2;
          ASSERT_EQ(y[i], key < rows ? x[key * stride + column] : 0)
              << rows << " keys of " << columns << ", " << i;
        }
        ASSERT_EQ(y[y.size() - 1], kOtherwise);
      }
    }
  });
}

TEST(PackValues, PutsPairsOfRowsSideBySide) {
  for_each_target([] {
    for (std::size_t columns = 1; columns <= 64; ++columns) {
      for (const std::size_t rows : {1u, 2u, 3u, 6u, 9u}) {
        const auto x = random_floats(rows * 70 + 1, 1, 1000);
        const auto factors = random_floats(columns + 1, 2);
        const std::size_t size = (rows + 1) / 2 * 2 * kPanelWidth;
        std::vector<std::int16_t> y(size + 2, kOtherwise);
        pack_values({x.data() + 1, 70, rows, columns}, factors.data() + 1, y.data());
        for (std::size_t i = 0; i < size; ++i) {
          const std::size_t j = i / 2 % kPanelWidth;
          const std::size_t row = i / (2 * kPanelWidth) * 2 + i % 2;
          const auto want =
              j < columns && row < rows ? std::lrint(factors[1 + j] * x[1 + row * 70 + j]) : 0;
          ASSERT_EQ(y[i], want) << rows << " x " << columns << ", " << i;
        }
        ASSERT_EQ(y[size], kOtherwise);
      }
    }
  });
}

}  // namespace
}  // namespace onecopy::worker::kernels
