// Products of 8-bit integers against the plain one, to the last bit: every tail of rows and blocks,
// both ways that activations lie, every instruction set.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/worker/kernels/targets.h"
#include "worker/kernels/amx_product.h"
#include "worker/kernels/int8_product.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kUntouched = 12345;

struct Shape {
  std::size_t m, blocks, together;
  bool zero_point, contiguous;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << shape.m << " rows, " << shape.blocks << " blocks, " << shape.together
             << " together, zero point " << shape.zero_point << ", contiguous " << shape.contiguous;
}

// Every row count at which the tiles end differently, with few and many blocks.
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 12u, 13u, 97u, 100u}) {
    for (std::size_t blocks = 1; blocks <= kInt8Blocks; blocks += m > 13 ? 4 : 1) {
      for (const std::size_t together : {std::size_t{1}, std::size_t{2}, blocks}) {
        if (together > blocks) continue;
        for (const bool zero_point : {false, true}) {
          all.push_back({m, blocks, together, zero_point, all.size() % 3 == 0});
        }
      }
    }
  }
  return all;
}

// What a product reads, with the ends of the ranges among it; the scales are powers of two, so that
// a multiplication and an addition round once, fused or not.
struct Data {
  Data(const Shape& shape, unsigned seed)
      : lda(shape.contiguous ? shape.blocks * kS8BlockRows + 3 : kS8BlockRows + 3),
        a_block(shape.contiguous ? kS8BlockRows : shape.m * lda + 5),
        a((shape.blocks - 1) * a_block + (shape.m + kRowsRead) * lda + 1),
        b_strip(shape.blocks * kS8BlockRows * kStripWidth),
        b(shape.blocks * kS8BlockRows * kPanelWidth),
        block_sums(shape.blocks * kPanelWidth),
        scales((shape.blocks - 1) / shape.together * (shape.m + 1) + shape.m),
        c((shape.m + 1) * kPanelWidth, kUntouched) {
    std::mt19937 random(seed);
    constexpr unsigned kUnsigned[] = {0, 1, 127, 128, 255};
    constexpr int kSigned[] = {-127, 127, 0, -1};
    for (auto& v : a) {
      v = static_cast<std::uint8_t>(random() % 2 ? random() % 256 : kUnsigned[random() % 5]);
    }
    for (auto& v : b) {
      v = static_cast<std::int8_t>(random() % 2 ? static_cast<int>(random() % 255) - 127
                                                : kSigned[random() % 4]);
    }
    for (float& v : scales) v = 1.0F / static_cast<float>(1U << random() % 12);
    sum_blocks();
  }

  void sum_blocks() {
    std::fill(block_sums.begin(), block_sums.end(), 0);
    for (std::size_t i = 0; i < b.size(); ++i) {
      const std::size_t block = i % b_strip / (kS8BlockRows * kStripWidth);
      const std::size_t column = i / b_strip * kStripWidth + i / 4 % kStripWidth;
      auto& sum = block_sums[block * kPanelWidth + column];
      sum = static_cast<std::int16_t>(sum + b[i]);
    }
  }

  std::size_t lda, a_block;
  std::vector<std::uint8_t> a;  // read from the second on: aligned to nothing
  std::size_t b_strip;
  std::vector<std::int8_t> b;
  std::vector<std::int16_t> block_sums;
  std::vector<float> scales;
  std::vector<float> c;  // a row more than m
};

std::vector<float> multiply(const Int8Product& product, const Shape& shape, const Data& data) {
  std::vector<float> c = data.c;
  Int8Args args{.m = shape.m,
                .blocks = shape.blocks,
                .a = data.a.data() + 1,
                .lda = data.lda,
                .a_block = data.a_block,
                .b = data.b.data(),
                .b_strip = data.b_strip,
                .block_sums = shape.zero_point ? data.block_sums.data() : nullptr,
                .scales = data.scales.data(),
                .together = shape.together,
                .next_scales = shape.m + 1,
                .c = c.data()};
  product.multiply(args);
  args.add = true;
  product.multiply(args);
  if (product.release != nullptr) product.release();
  return c;
}

TEST(Int8Product, EqualsThePlainProductAtAllTailsAndWritesNothingElse) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(shape);
    const Data data(shape, 1);
    const std::vector<float> want = multiply(scalar_int8_product(), shape, data);
    for_each_target([&] { EXPECT_EQ(multiply(highway_int8_product(), shape, data), want); });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Int8Product, OnAmxEqualsThePlainProductAtAllTails) {
  const Int8Product* const amx = amx_int8_product();
  if (amx == nullptr) GTEST_SKIP() << "no AMX";
  EXPECT_EQ(self_test(*amx), "");
  std::vector<Shape> all = shapes();
  for (const std::size_t m : {15u, 16u, 17u, 31u, 32u, 33u, 47u, 48u, 49u, 64u, 65u, 128u}) {
    for (const bool zero_point : {false, true}) {
      all.push_back({m, 12, 12, zero_point, false});
      all.push_back({m, 64, 8, zero_point, true});
    }
  }
  for (const Shape& shape : all) {
    SCOPED_TRACE(shape);
    const Data data(shape, 1);
    ASSERT_EQ(multiply(*amx, shape, data), multiply(scalar_int8_product(), shape, data));
  }
  amx->release();  // a second time: nothing is left to do
}

// By hand: 512 times 255 x 127, and the same without the zero point.
TEST(Int8Product, HoldsTheLargestSums) {
  for (const bool zero_point : {false, true}) {
    const Shape shape{3, kInt8Blocks, kInt8Blocks, zero_point, false};
    Data data(shape, 1);
    std::fill(data.a.begin(), data.a.end(), std::uint8_t{255});
    std::fill(data.scales.begin(), data.scales.end(), 1.0F);
    for (const int sign : {-1, 1}) {
      std::fill(data.b.begin(), data.b.end(), static_cast<std::int8_t>(sign * 127));
      data.sum_blocks();
      const float want = static_cast<float>(sign * 2 * 512 * 127 * (zero_point ? 127 : 255));
      std::vector<float> all(3 * kPanelWidth, want);
      all.resize(data.c.size(), kUntouched);
      EXPECT_EQ(multiply(scalar_int8_product(), shape, data), all);
      for_each_target([&] { EXPECT_EQ(multiply(highway_int8_product(), shape, data), all); });
    }
  }
}

TEST(Int8Product, ARowDoesNotDependOnItsNeighbours) {
  const Shape shape{23, 3, 2, true, true};
  const Data data(shape, 2);
  for_each_target([&] {
    const std::vector<float> all = multiply(highway_int8_product(), shape, data);
    for (const std::size_t m : {1u, 5u, 6u, 14u}) {
      Shape some = shape;
      some.m = m;
      Data same = data;
      // The next blocks' scales lie behind those of all rows.
      for (std::size_t row = 0; row < m; ++row) same.scales[m + 1 + row] = data.scales[24 + row];
      const std::vector<float> got = multiply(highway_int8_product(), some, same);
      EXPECT_TRUE(
          std::equal(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(m * 64), got.begin()))
          << m;
    }
  });
}

TEST(Int8Product, AScaleThatIsNoNumberSpoilsItsRowOnly) {
  const Shape shape{7, 4, 2, true, false};
  Data data(shape, 3);
  data.scales[8 + 4] = std::numeric_limits<float>::infinity();  // row 4, blocks 2 and 3
  for_each_target([&] {
    const std::vector<float> c = multiply(highway_int8_product(), shape, data);
    for (std::size_t i = 0; i < 7 * kPanelWidth; ++i) {
      EXPECT_EQ(std::isfinite(c[i]), i / kPanelWidth != 4) << i;
    }
  });
}

TEST(Int8Product, PrefetchingChangesNothing) {
  const Shape shape{20, 3, 3, true, false};
  const Data data(shape, 4);
  const std::vector<std::byte> elsewhere(10000);
  std::vector<float> c = data.c;
  highway_int8_product().multiply({.m = 20,
                                   .blocks = 3,
                                   .a = data.a.data() + 1,
                                   .lda = data.lda,
                                   .a_block = data.a_block,
                                   .b = data.b.data(),
                                   .b_strip = data.b_strip,
                                   .block_sums = data.block_sums.data(),
                                   .scales = data.scales.data(),
                                   .together = 3,
                                   .c = c.data(),
                                   .next = elsewhere.data(),
                                   .next_bytes = elsewhere.size()});
  std::vector<float> twice = multiply(scalar_int8_product(), shape, data);
  for (std::size_t i = 0; i < 20 * kPanelWidth; ++i) ASSERT_EQ(2 * c[i], twice[i]);
}

TEST(Int8SelfTest, PassesOnAllInstructionSets) {
  for_each_target([] { EXPECT_EQ(self_test(highway_int8_product()), ""); });
}

// What an implementation with _mm_maddubs_epi16 alone would compute: sums of two products that end
// at 16 bits.
void multiply_saturating(const Int8Args& args) {
  scalar_int8_product().multiply(args);
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < kPanelWidth; ++j) {
      for (std::size_t k = 0; k < args.blocks * kS8BlockRows; k += 2) {
        const auto product = [&](std::size_t at) {
          const std::size_t block = at / kS8BlockRows;
          return args.a[block * args.a_block + i * args.lda + at % kS8BlockRows] *
                 args.b[j / kStripWidth * args.b_strip +
                        (at / 4 * kStripWidth + j % kStripWidth) * 4 + at % 4];
        };
        const int pair = product(k) + product(k + 1);
        const float scale = args.scales[k / kS8BlockRows / args.together * args.next_scales + i];
        args.c[i * kPanelWidth + j] +=
            scale * static_cast<float>(std::clamp(pair, -32768, 32767) - pair);
      }
    }
  }
}

TEST(Int8SelfTest, RefusesAProductThatSaturates) {
  EXPECT_THAT(
      self_test(Int8Product{"saturating", multiply_saturating, nullptr, 1, kRowBlock, SIZE_MAX}),
      testing::StartsWith("saturating is off by "));
}

TEST(Int8SelfTest, RefusesAProductThatForgetsToAddOrIsNoNumber) {
  const auto overwrites = [](const Int8Args& args) {
    Int8Args without = args;
    without.add = false;
    scalar_int8_product().multiply(without);
  };
  EXPECT_THAT(self_test(Int8Product{"overwriting", overwrites, nullptr, 1, kRowBlock, SIZE_MAX}),
              testing::HasSubstr("is off by"));
  const auto no_number = [](const Int8Args& args) {
    scalar_int8_product().multiply(args);
    args.c[args.m * kPanelWidth - 1] = std::numeric_limits<float>::quiet_NaN();
  };
  EXPECT_THAT(self_test(Int8Product{"odd", no_number, nullptr, 1, kRowBlock, SIZE_MAX}),
              testing::HasSubstr("off by nan"));
}

}  // namespace
}  // namespace onecopy::worker::kernels
