// What attention in bf16 needs around its products, against plain definitions, on every instruction
// set.
#include "worker/kernels/bf16_attention.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "shared/base/bf16.h"
#include "shared/segment/packed_weight.h"
#include "tests/worker/kernels/targets.h"

namespace onecopy::worker::kernels {
namespace {

constexpr std::uint16_t kUntouched = 0xA5A5;

std::vector<std::uint16_t> numbered(std::size_t count) {
  std::vector<std::uint16_t> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::uint16_t>(i * 40503U + 1);
  return values;
}

TEST(PackBf16Keys, MakesEachKeyAColumnOfPairs) {
  for_each_target([] {
    for (const std::size_t rows : {1u, 3u, 4u, 5u, 15u, 16u, 17u, 50u}) {
      for (const std::size_t depth : {2u, 6u, 8u, 32u, 64u, 96u}) {
        SCOPED_TRACE(testing::Message() << rows << " keys of " << depth);
        const std::size_t stride = depth + 2;
        const auto keys = numbered(rows * stride);
        const std::size_t strips = (rows + 15) / 16;
        std::vector<std::uint16_t> got(strips * depth * 16 + 2, kUntouched);
        pack_bf16_keys(keys.data(), stride, rows, depth, got.data());
        ASSERT_EQ(got.back(), kUntouched);
        for (std::size_t i = 0; i + 2 < got.size(); ++i) {
          const std::size_t key = i / (depth * 16) * 16 + i / 2 % 16;
          const std::size_t column = i % (depth * 16) / 32 * 2 + i % 2;
          ASSERT_EQ(got[i], key < rows ? keys[key * stride + column] : 0) << i;
        }
      }
    }
  });
}

TEST(PackBf16Values, InterleavesPairsOfRows) {
  for_each_target([] {
    for (const std::size_t rows : {1u, 2u, 7u, 32u, 33u}) {
      for (const std::size_t columns : {1u, 5u, 15u, 16u}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << columns);
        const std::size_t depth = (rows + 31) / 32 * 32;
        const auto values = numbered(rows * 21);
        std::vector<std::uint16_t> got(depth * 16 + 2, kUntouched);
        pack_bf16_values(values.data(), 21, rows, columns, depth, got.data());
        ASSERT_EQ(got.back(), kUntouched);
        for (std::size_t i = 0; i < depth * 16; ++i) {
          const std::size_t row = i / 32 * 2 + i % 2;
          const std::size_t column = i / 2 % 16;
          ASSERT_EQ(got[i], row < rows && column < columns ? values[row * 21 + column] : 0) << i;
        }
      }
    }
  });
}

constexpr std::size_t kRows = 3;

struct Powers {
  std::vector<std::uint16_t> powers;
  std::vector<float> inverse_sums = std::vector<float>(kRows);
};

Powers powers_of(void (*with)(const PowerRows<std::uint16_t>&, float, float*),
                 const std::vector<float>& x, std::size_t stride, std::size_t columns,
                 float factor) {
  const std::size_t width = (columns + 31) / 32 * 32;
  Powers result{std::vector<std::uint16_t>(kRows * (width + 4), kUntouched)};
  with({.x = x.data() + 1,
        .stride = stride,
        .rows = kRows,
        .columns = columns,
        .powers = result.powers.data(),
        .power_stride = width + 4},
       factor, result.inverse_sums.data());
  return result;
}

TEST(Bf16PowerRows, AreNearTheirTwinsAtAllTailsAndWriteNothingElse) {
  for_each_target([] {
    for (std::size_t columns = 1; columns <= 140; columns += columns < 70 ? 1 : 23) {
      for (const float factor : {0.125F, 1e-3F, 3.0F}) {
        SCOPED_TRACE(testing::Message() << columns << " columns, factor " << factor);
        const std::size_t stride = (columns + 31) / 32 * 32 + 5;
        const auto x = random_floats(kRows * stride + 1, 1, 10);
        const Powers got = powers_of(bf16_power_rows, x, stride, columns, factor);
        const Powers want = powers_of(bf16_power_rows_scalar, x, stride, columns, factor);
        for (std::size_t i = 0; i < got.powers.size(); ++i) {
          const float a = widen_bf16(got.powers[i]);
          const float b = widen_bf16(want.powers[i]);
          ASSERT_NEAR(a, b, std::abs(b) / 128 + 1e-30F) << i;  // one step
        }
        for (std::size_t row = 0; row < kRows; ++row) {
          ASSERT_NEAR(got.inverse_sums[row], want.inverse_sums[row],
                      1e-4F * want.inverse_sums[row]);
        }
      }
    }
  });
}

TEST(Bf16PowerRows, ARowWithWhatIsNoNumberHasNoSum) {
  for (const float poison :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t column : {0u, 1u, 31u, 32u, 63u, 69u}) {
      auto x = random_floats(kRows * 100 + 1, 1);
      x[1 + 100 + column] = poison;
      for_each_target([&] {
        const Powers got = powers_of(bf16_power_rows, x, 100, 70, 1);
        EXPECT_TRUE(std::isfinite(got.inverse_sums[0]));
        EXPECT_FALSE(std::isfinite(got.inverse_sums[1])) << column;
        EXPECT_TRUE(std::isfinite(got.inverse_sums[2]));
      });
    }
  }
}

}  // namespace
}  // namespace onecopy::worker::kernels
