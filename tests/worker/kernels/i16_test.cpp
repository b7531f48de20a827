// Products of 16-bit integers and the softmax's powers against their plain twins: every tail,
// extreme values, every instruction set.
#include <gmock/gmock.h>

#include <algorithm>
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

std::vector<std::int16_t> random_integers(std::size_t count, unsigned seed, int most) {
  std::mt19937 random(seed);
  std::vector<std::int16_t> values(count);
  std::uniform_int_distribution<int> distribution(-most, most);
  for (auto& v : values) {
    const int ends[] = {-most, most, distribution(random), distribution(random)};
    v = static_cast<std::int16_t>(ends[random() % 4]);
  }
  return values;
}

struct Product {
  std::size_t m, n, k;
  std::vector<std::int16_t> a, b;
};

// What multiply leaves in the columns that it is asked for, and around C.
std::vector<float> multiply(void (*with)(const I16Args&), const Product& in) {
  const std::size_t width = (in.n + 15) / 16 * 16;  // may be written
  const std::size_t ldc = width + 3;
  std::vector<float> c = random_floats((in.m + 1) * ldc, 3, 1e6F);
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (i % ldc >= in.n || i >= in.m * ldc) c[i] = kUntouched;
  }
  I16Args args{.m = in.m,
               .n = in.n,
               .k = in.k,
               .a = in.a.data() + 1,
               .lda = in.k + 3,
               .b = in.b.data(),
               .c = c.data(),
               .ldc = ldc,
               .add = true};
  with(args);
  const std::vector<float> added = c;
  args.add = false;
  with(args);
  c.insert(c.end(), added.begin(), added.end());
  for (std::size_t i = 0; i < c.size(); ++i) {
    const std::size_t column = i % ldc;
    if (column >= in.n && column < width) c[i] = 0;
  }
  return c;
}

TEST(MultiplyI16, EqualsItsTwinToTheLastBitAtAllTails) {
  for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 12u, 13u, 48u, 97u}) {
    for (const std::size_t n : {1u, 15u, 16u, 17u, 31u, 32u, 33u, 47u, 48u, 49u, 63u, 64u}) {
      for (const std::size_t k : {2u, 4u, 6u, 22u, 64u, 126u, 128u}) {
        SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k);
        const Product in{m, n, k, random_integers(m * (k + 3) + 1, 1, 4095),
                         random_integers(k * kPanelWidth, 2, 4095)};
        const auto want = multiply(multiply_i16_scalar, in);
        for_each_target([&] { EXPECT_EQ(multiply(multiply_i16, in), want); });
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(MultiplyI16, HoldsTheLargestSums) {
  const std::pair<float, float> bounds[] = {{kScoreSteps, kScoreSteps}, {kPowerSteps, kValueSteps}};
  for (const auto& [left, right] : bounds) {
    for (const float sign : {-1.0F, 1.0F}) {
      const Product in{
          7, 64, kI16Depth,
          std::vector<std::int16_t>(7 * (kI16Depth + 3) + 1, static_cast<std::int16_t>(left)),
          std::vector<std::int16_t>(kI16Depth * kPanelWidth,
                                    static_cast<std::int16_t>(sign * right))};
      const auto want = static_cast<float>(static_cast<double>(sign) * kI16Depth * left * right);
      for_each_target([&] {
        const auto c = multiply(multiply_i16, in);
        EXPECT_EQ(c[0], want);
        EXPECT_EQ(c[6 * 67 + 63], want);
        EXPECT_EQ(c, multiply(multiply_i16_scalar, in));
      });
    }
  }
}

std::size_t power_stride(std::size_t columns) { return round_up(columns, kTileColumns) + 3; }

struct Powers {
  std::vector<std::int16_t> powers;
  std::vector<float> sums;
};

Powers powers_of(void (*with)(const PowerRows<std::int16_t>&, const float*, float*),
                 std::vector<float> x, std::size_t columns, const std::vector<float>& factors) {
  const std::size_t rows = factors.size();
  const std::size_t stride = power_stride(columns);
  Powers out{std::vector<std::int16_t>(rows * stride, kOtherwise), std::vector<float>(rows + 1)};
  out.sums[rows] = kUntouched;
  x.resize(x.size() + kTileColumns, kNan);  // may be read
  with({.x = x.data() + 1,
        .stride = columns + 2,
        .rows = rows,
        .columns = columns,
        .powers = out.powers.data(),
        .power_stride = stride},
       factors.data(), out.sums.data());
  return out;
}

// One step, and sums within 1e-4 of their size.
void expect_powers(const std::vector<float>& x, std::size_t columns,
                   const std::vector<float>& factors) {
  const Powers want = powers_of(power_rows_scalar, x, columns, factors);
  const Powers got = powers_of(power_rows, x, columns, factors);
  for (std::size_t i = 0; i < got.powers.size(); ++i) {
    const std::size_t column = i % power_stride(columns);
    if (column < columns) {
      ASSERT_NEAR(got.powers[i], want.powers[i], 1) << i;
      ASSERT_GE(got.powers[i], 0);
    } else {
      ASSERT_EQ(got.powers[i], want.powers[i]) << i;  // the filler, and nothing beyond
    }
  }
  for (std::size_t r = 0; r < factors.size(); ++r) {
    ASSERT_NEAR(got.sums[r] / want.sums[r], 1, 1e-4) << r;
  }
  ASSERT_EQ(got.sums.back(), kUntouched);
}

TEST(PowerRows, AreWithinAStepOfTheirTwinAtAllTails) {
  for_each_target([] {
    std::vector<std::size_t> sizes(130);
    for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = i + 1;
    sizes.insert(sizes.end(), {255, 256, 257, 511, 512});
    for (const std::size_t columns : sizes) {
      SCOPED_TRACE(columns);
      // Sums of integers, as large as they become, with factors that make 10 of them.
      expect_powers(random_floats(3 * (columns + 2) + 1, 1, 1e9F), columns, {1e-8F, 3e-9F, 0});
      expect_powers(random_floats(3 * (columns + 2) + 1, 2, 1000), columns, {0.001F, 1, 1e-30F});
      if (testing::Test::HasFatalFailure()) return;
    }
  });
}

TEST(PowerRows, TakeExtremeValues) {
  for_each_target([] {
    expect_powers({0, 0, 0, 0, 0, 0, 0}, 5, {1});
    expect_powers({0, -2e9F, 2e9F, -2e9F, 0, 2e9F, 0}, 5, {1});
    expect_powers({0, -2e9F, -2e9F, -2e9F, -2e9F, -2e9F, 0}, 5, {1e20F});
    expect_powers({0, -2e9F, 2e9F, 7, -2e9F, 1e9F, 0}, 5, {2e38F});  // scores beyond f32
    expect_powers({0, 7, 0, 0}, 1, {3});
    EXPECT_EQ(powers_of(power_rows, {0, -5, 7, 0, 0}, 2, {1000}).powers[1], kPowerSteps);
  });
}

TEST(PowerRows, HaveASumThatIsNoNumberWhereAScoreIsNone) {
  for_each_target([] {
    for (const std::size_t columns : {1u, 5u, 16u, 33u}) {
      const auto x = random_floats(4 * (columns + 2) + 1, 1, 1000);
      const Powers got = powers_of(power_rows, x, columns, {kNan, 1, kInfinity, 1});
      EXPECT_FALSE(std::isfinite(got.sums[0]));
      EXPECT_FALSE(std::isfinite(got.sums[2]));
      EXPECT_TRUE(std::isfinite(got.sums[1]) && std::isfinite(got.sums[3]));
      for (const std::size_t at : {std::size_t{0}, columns - 1}) {
        auto scores = x;
        scores[1 + at] = kNan;
        EXPECT_FALSE(std::isfinite(powers_of(power_rows, scores, columns, {1}).sums[0])) << at;
      }
    }
  });
}

}  // namespace
}  // namespace onecopy::worker::kernels
