// Quantizing against the plain twins, and what it must mean: every tail, extreme values, rows that
// are no numbers, every instruction set.
#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "shared/base/bf16.h"
#include "tests/worker/kernels/targets.h"
#include "worker/kernels/quantize.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::byte kUntouched{0xA5};
constexpr std::size_t kRows = 5;        // of the operand; the middle three are quantized
constexpr std::size_t kMostBlocks = 3;  // of a row with one scale
constexpr std::size_t kFirstBlock = 3;  // where the quantized columns begin
constexpr std::size_t kBlocks = kFirstBlock + kMostBlocks;

// A u8 operand in memory aligned to nothing.
struct Bytes {
  Bytes() : data(Operand::u8_bytes(kRows, kBlocks * kBlockColumns) + 1, kUntouched) {}
  Operand operand(const Operand& like) {
    Operand y = Operand::u8(data.data() + 1, scales.data(), kRows, kMostBlocks);
    y.form = like.form;
    y.offset = like.offset;
    if (y.form == U8Form::kRow) y.lows = lows.data();
    return y;
  }
  std::vector<std::byte> data;
  std::vector<float> scales = std::vector<float>(2 * kRows, -1);
  std::vector<float> lows = std::vector<float>(kRows, -1);
};

using Quantize = void (*)(Activations, std::size_t, const Operand&, std::size_t, std::size_t,
                          std::size_t);

Bytes quantized(Quantize with, const Operand& like, std::vector<float> x, std::size_t columns) {
  Bytes bytes;
  // Four rows of x, read from the second float on.
  with(Activations{x.data() + 1, kBlockColumns, 4 * kBlockColumns}, columns, bytes.operand(like),
       kFirstBlock, 1, 4);
  return bytes;
}

const Operand kOfRow{.form = U8Form::kRow};
const Operand kSigned{.form = U8Form::kSigned};
const Operand kShifted{.form = U8Form::kShifted, .offset = kGeluOffset};
const Operand kPositive{.form = U8Form::kShifted};
const Operand kForms[] = {kOfRow, kSigned, kShifted, kPositive};

float smallest(const Operand& like) {
  return like.form == U8Form::kShifted ? -like.offset : -std::numeric_limits<float>::max();
}

// Four rows of up to 192 columns, not below what the operand holds.
std::vector<float> values_for(const Operand& like, float scale, unsigned seed) {
  auto x = random_floats(4 * kMostBlocks * kBlockColumns + 1, seed, scale);
  for (float& v : x) v = std::max(v, smallest(like));
  return x;
}

float at(const std::vector<float>& x, std::size_t row, std::size_t column) {
  return x[1 + column / kBlockColumns * 4 * kBlockColumns + row * kBlockColumns +
           column % kBlockColumns];
}

// Each value is within half a step, the twin gives the same but for ties, and nothing else is
// written.
void expect_quantized(const Operand& like, const std::vector<float>& x, std::size_t columns) {
  const Bytes got = quantized(quantize, like, x, columns);
  const Bytes want = quantized(quantize_scalar, like, x, columns);
  ASSERT_EQ(got.scales, want.scales);
  ASSERT_EQ(got.lows, want.lows);
  ASSERT_EQ(got.scales[kRows], -1);  // row 0
  Bytes same = got;
  const Operand y = same.operand(like);
  for (std::size_t row = 0; row < 3; ++row) {
    const float scale = y.scale(row + 1, kFirstBlock);
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t index = static_cast<std::size_t>(
          y.at(row + 1, kFirstBlock + c / kBlockColumns) + c % kBlockColumns - same.data.data());
      const int q = std::to_integer<int>(got.data[index]);
      ASSERT_LE(std::abs(q - std::to_integer<int>(want.data[index])), 1) << row << ", " << c;
      const double value =
          static_cast<double>(scale) * (q - (like.form == U8Form::kSigned ? 128 : 0)) -
          like.offset + (like.form == U8Form::kRow ? y.lows[row + 1] : 0);
      ASSERT_NEAR(value, at(x, row, c), 0.5001 * scale + 1e-30) << row << ", " << c;
      same.data[index] = kUntouched;
    }
  }
  EXPECT_EQ(same.data, Bytes().data);
}

TEST(QuantizeU8, IsWithinHalfAStepAtAllTailsAndWritesNothingElse) {
  for_each_target([] {
    for (const Operand& like : kForms) {
      for (std::size_t columns = 1; columns <= 130; ++columns) {
        SCOPED_TRACE(columns);
        expect_quantized(like, values_for(like, 1, static_cast<unsigned>(columns)), columns);
        if (testing::Test::HasFailure()) return;
      }
      expect_quantized(like, values_for(like, 1, 7), kMostBlocks * kBlockColumns);
    }
  });
}

TEST(QuantizeU8, TakesExtremeValues) {
  for_each_target([] {
    for (const float scale : {1e-42F, 1e-38F, 1e-31F, 1e-20F, 1e-3F, 65504.0F, 1e30F, 2e37F}) {
      SCOPED_TRACE(scale);
      for (const Operand& like : kForms) {
        expect_quantized(like, values_for(like, scale, 3), 70);
      }
    }
    for (const float v : {0.0F, -0.0F, std::numeric_limits<float>::denorm_min(),
                          std::numeric_limits<float>::max()}) {
      SCOPED_TRACE(v);
      const std::vector<float> x(4 * kMostBlocks * kBlockColumns + 1, v);
      for (const Operand& like : kForms) {
        expect_quantized(like, x, 70);
      }
    }
  });
}

TEST(QuantizeU8, PutsTheEndsOfTheRangeWhereTheyBelong) {
  for_each_target([] {
    std::vector<float> x(4 * kMostBlocks * kBlockColumns + 1, 0);
    x[1] = -127;
    x[2] = 127;
    x[3] = 1;
    x[4] = 2.5F;  // a tie: to even
    const auto of = [&](const Operand& like, std::size_t column) {
      Bytes bytes = quantized(quantize, like, x, 65);
      const std::byte* block = bytes.operand(like).at(1, kFirstBlock + column / kBlockColumns);
      return std::to_integer<int>(block[column % kBlockColumns]);
    };
    EXPECT_EQ(of(kSigned, 0), 1);
    EXPECT_EQ(of(kSigned, 1), 255);
    EXPECT_EQ(of(kSigned, 2), 129);
    EXPECT_EQ(of(kSigned, 3), 130);
    EXPECT_EQ(of(kSigned, 4), 128);
    EXPECT_EQ(of(kOfRow, 0), 0);
    EXPECT_EQ(of(kOfRow, 1), 255);
    EXPECT_EQ(of(kOfRow, 64), 128) << "a tie: 127.5";
    EXPECT_EQ(of(kPositive, 0), 0) << "below what it can hold";
    EXPECT_EQ(of(kPositive, 1), 255);
    EXPECT_EQ(of(kPositive, 4), 0);
  });
}

TEST(QuantizeU8, ARowThatIsNoNumberHasAScaleThatIsNone) {
  for_each_target([] {
    for (const float poison : {kNan, -kNan, kInfinity, -kInfinity}) {
      for (const Operand& like : kForms) {
        for (std::size_t column = 0; column < 130; ++column) {
          auto x = values_for(like, 1, 5);
          x[1 + column / kBlockColumns * 4 * kBlockColumns + kBlockColumns +
            column % kBlockColumns] = poison;  // row 1 of x
          for (const Quantize with : {quantize, quantize_scalar}) {
            Bytes bytes = quantized(with, like, x, 130);
            const Operand y = bytes.operand(like);
            ASSERT_FALSE(std::isfinite(y.scale(2, kFirstBlock))) << column;
            ASSERT_TRUE(std::isfinite(y.scale(1, kFirstBlock))) << column;
            ASSERT_TRUE(std::isfinite(y.scale(3, kFirstBlock))) << column;
          }
        }
      }
    }
  });
}

// Values whose lower halves are ties and their neighbours, and all kinds of special ones.
std::vector<float> bf16_inputs(std::size_t count) {
  std::vector<float> x = random_floats(count, 9, 100);
  const std::uint32_t special[] = {0,          0x80000000, 0x00008000, 0x00018000, 0x00000001,
                                   0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x7F7FFFFF,
                                   0x7F7F8000, 0x7F800000, 0xFF800000, 0x7F800001, 0xFFFFFFFF,
                                   0x7FC00000, 0x477FE000};
  for (std::size_t i = 0; i < count; i += 2) {
    x[i] = std::bit_cast<float>(special[i / 2 % std::size(special)]);
  }
  return x;
}

TEST(QuantizeBf16, RoundsToNearestEvenAtAllTailsAndWritesNothingElse) {
  for (std::size_t columns = 1; columns <= 130; ++columns) {
    SCOPED_TRACE(columns);
    std::vector<float> x = bf16_inputs(3 * columns + 1);
    const Activations from = Activations::row_major(x.data() + 1, columns);
    const std::size_t blocks = Operand::blocks(columns);
    constexpr std::size_t kRows = 5;
    const auto rounded = [&](Quantize with) {
      std::vector<std::uint16_t> y(kRows * blocks * kBlockColumns, 0xA5A5);
      with(from, columns, Operand::bf16_tiles(y.data(), kRows), 0, 1, 4);
      return y;
    };
    std::vector<std::uint16_t> want(kRows * blocks * kBlockColumns, 0xA5A5);
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t c = 0; c < blocks * kBlockColumns; ++c) {
        want[(c / kTileColumns * kRows + row + 1) * kTileColumns + c % kTileColumns] =
            c < columns ? narrow_bf16(x[1 + row * columns + c]) : std::uint16_t{0};
      }
    }
    EXPECT_EQ(rounded(quantize_scalar), want);
    for_each_target([&] { EXPECT_EQ(rounded(quantize), want); });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(QuantizeBf16, BeginsAtABlock) {
  for_each_target([] {
    std::vector<float> x = random_floats(2 * kBlockColumns, 9);
    std::vector<std::uint16_t> y(4 * kBlockColumns, 0xA5A5);
    quantize(Activations::blocked(x.data(), 2), 36, Operand::bf16_rows(y.data(), 2), 1, 0, 2);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t c = i % kBlockColumns;
      const bool second = i >= 2 * kBlockColumns;
      const float v = c < 36 ? x[i % (2 * kBlockColumns)] : 0;
      ASSERT_EQ(y[i], second ? narrow_bf16(v) : 0xA5A5) << i;
    }
  });
}

}  // namespace
}  // namespace onecopy::worker::kernels
