// What follows a product of lower precision, against the plain twins.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "shared/base/bf16.h"
#include "tests/worker/kernels/targets.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kUntouched = 12345;
constexpr std::size_t kRows = 3;

class FinishScaled : public testing::TestWithParam<Epilogue> {
 protected:
  // Of a result: GELU's is stated in epilogue.h; the others differ by roundings.
  static double bound(double argument) {
    const double rounding = 1e-6 * std::max(1.0, std::abs(argument));
    return rounding + (GetParam() == Epilogue::kGelu ? 3e-4 : 0);
  }
};

TEST_P(FinishScaled, EqualsItsTwinAtAllTailsAndWritesNothingElse) {
  for_each_target([] {
    for (const bool add : {false, true}) {
      for (std::size_t columns = 1; columns <= 64; ++columns) {
        const auto c = random_floats(kRows * 64 + 1, 1, 100);
        const auto scales = random_floats(columns + 1, 2, 0.05F);
        const auto bias = random_floats(columns + 1, 3);
        const auto lows = random_floats(kRows, 5);
        const auto sums = random_floats(columns + 1, 6);
        const std::size_t stride = columns + 1;
        std::vector<float> got = random_floats(kRows * stride + 1, 4);
        const std::vector<float> before = got;
        std::vector<float> want = got;
        Finish finish{.epilogue = GetParam(),
                      .scales = scales.data() + 1,
                      .bias = bias.data() + 1,
                      .lows = columns % 3 == 0 ? nullptr : lows.data(),
                      .sums = sums.data() + 1,
                      .columns = columns,
                      .to = got.data() + 1,
                      .stride = stride,
                      .add = add};
        finish_scaled(c.data() + 1, kRows, finish);
        finish.to = want.data() + 1;
        finish_scaled_scalar(c.data() + 1, kRows, finish);
        for (std::size_t i = 0; i < got.size(); ++i) {
          if (i == 0 || (i - 1) % stride == columns) {
            ASSERT_EQ(got[i], before[i]) << i;
          } else {
            ASSERT_NEAR(got[i], want[i], bound(20)) << columns << ", " << i;
          }
        }
      }
    }
  });
}

// The f32 ones, rounded, and zeros behind them.
TEST_P(FinishScaled, RoundsToBf16) {
  for_each_target([] {
    for (const std::size_t columns : {1u, 15u, 16u, 33u, 64u}) {
      const auto c = random_floats(kRows * 64, 1, 3);
      const auto scales = random_floats(columns, 2);
      const auto bias = random_floats(columns, 3);
      std::vector<float> floats(kRows * 64);
      Finish finish{.epilogue = GetParam(),
                    .scales = scales.data(),
                    .bias = bias.data(),
                    .columns = columns,
                    .to = floats.data(),
                    .stride = 64};
      finish_scaled(c.data(), kRows, finish);
      std::vector<std::uint16_t> got(kRows * 70, 0xA5A5);
      finish.to = nullptr;
      finish.to_bf16 = got.data();
      finish.stride = 70;
      finish_scaled(c.data(), kRows, finish);
      std::vector<std::uint16_t> plain(kRows * 70, 0xA5A5);
      finish.to_bf16 = plain.data();
      finish_scaled_scalar(c.data(), kRows, finish);
      for (std::size_t i = 0; i < got.size(); ++i) {
        const std::size_t j = i % 70;
        if (j >= columns) {
          ASSERT_EQ(got[i], j < 64 ? 0 : 0xA5A5) << i;
          ASSERT_EQ(plain[i], got[i]) << i;
        } else {
          ASSERT_EQ(got[i], narrow_bf16(floats[i / 70 * 64 + j])) << i;
        }
      }
    }
  });
}

TEST_P(FinishScaled, InPlaceIsTheSame) {
  for_each_target([] {
    auto c = random_floats(kRows * 64, 1, 3);
    const auto scales = random_floats(64, 2);
    const auto bias = random_floats(64, 3);
    std::vector<float> want(kRows * 64, kUntouched);
    Finish finish{.epilogue = GetParam(),
                  .scales = scales.data(),
                  .bias = bias.data(),
                  .columns = 64,
                  .to = want.data(),
                  .stride = 64};
    finish_scaled(c.data(), kRows, finish);
    finish.to = c.data();
    finish_scaled(c.data(), kRows, finish);
    EXPECT_EQ(c, want);
  });
}

// One value through a block of its own.
float finished(Epilogue epilogue, float v) {
  std::array<float, 64> row{};
  row.fill(v);
  constexpr float kOne[1] = {1};
  constexpr float kZero[1] = {0};
  finish_scaled(row.data(), 1,
                {.epilogue = epilogue,
                 .scales = kOne,
                 .bias = kZero,
                 .columns = 1,
                 .to = row.data(),
                 .stride = 64});
  return row[0];
}

std::vector<float> tiny_to_huge() {
  std::vector<float> inputs{0.0F,   -0.0F,   1e-42F,   -1e-42F,   1e-30F, -1e-30F,
                            100.0F, -100.0F, 65504.0F, -65504.0F, 1e30F,  -1e30F};
  for (int i = -6500; i < 6500; ++i) inputs.push_back(static_cast<float>(i) * 0.0031F);
  return inputs;
}

TEST_P(FinishScaled, StaysWithinItsBoundFromTinyToHuge) {
  for_each_target([] {
    for (const float v : tiny_to_huge()) {
      float want = v;
      constexpr float kZero[1] = {0};
      finish_block_scalar(GetParam(), kZero, &want, 1, 1, 1);
      ASSERT_NEAR(finished(GetParam(), v), want, bound(v)) << v;
    }
  });
}

// A score must not look like one when a weight was none.
TEST_P(FinishScaled, KeepsWhatIsNoNumber) {
  for_each_target([] {
    const float infinity = std::numeric_limits<float>::infinity();
    EXPECT_TRUE(std::isnan(finished(GetParam(), std::numeric_limits<float>::quiet_NaN())));
    EXPECT_FALSE(std::isfinite(finished(GetParam(), infinity)));
    for (std::size_t columns = 1; columns <= 64; ++columns) {
      std::vector<float> c(64, std::numeric_limits<float>::quiet_NaN());
      const std::vector<float> zeros(64, 0);
      std::vector<float> twin = c;
      finish_block_scalar(GetParam(), zeros.data(), twin.data(), 64, 1, columns);
      finish_block(GetParam(), zeros.data(), c.data(), 64, 1, columns);
      for (std::size_t j = 0; j < columns; ++j) {
        ASSERT_TRUE(std::isnan(c[j])) << columns << ", " << j;
        ASSERT_TRUE(std::isnan(twin[j])) << columns << ", " << j;
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, FinishScaled,
                         testing::Values(Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh,
                                         Epilogue::kRelu));

TEST(Scale, IsTwoProductsForAllColumnsAndNoMore) {
  for_each_target([] {
    for (std::size_t columns = 1; columns <= 130; ++columns) {
      auto x = random_floats(kRows * 131 + 1, 1);
      const auto row_factors = random_floats(kRows, 2);
      const auto column_factors = random_floats(columns + 1, 3);
      std::vector<float> y(kRows * (columns + 1) + 1, kUntouched);
      scale({x.data() + 1, 131, kRows, columns}, row_factors.data(), column_factors.data() + 1,
            y.data() + 1, columns + 1);
      ASSERT_EQ(y[0], kUntouched);
      for (std::size_t i = 1; i < y.size(); ++i) {
        const std::size_t row = (i - 1) / (columns + 1);
        const std::size_t j = (i - 1) % (columns + 1);
        const float want = j == columns
                               ? kUntouched
                               : x[1 + row * 131 + j] * row_factors[row] * column_factors[j + 1];
        ASSERT_EQ(y[i], want) << columns << ", " << i;
      }
    }
  });
}

}  // namespace
}  // namespace onecopy::worker::kernels
