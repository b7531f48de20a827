// Products of bf16 and their widening to f32, against the plain ones.
#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "shared/base/bf16.h"
#include "shared/segment/packed_weight.h"
#include "tests/worker/kernels/targets.h"
#include "worker/kernels/amx_product.h"
#include "worker/kernels/bf16_product.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kUntouched = 12345;

std::vector<std::uint16_t> random_bf16(std::size_t count, unsigned seed) {
  std::vector<std::uint16_t> values;
  for (const float v : random_floats(count, seed)) values.push_back(narrow_bf16(v));
  return values;
}

// What a product reads: rows in stretches of 32 columns, or contiguous; zeros behind the k-th of a
// row and of a strip.
struct Data {
  Data(std::size_t m, std::size_t n, std::size_t k, bool contiguous)
      : m(m),
        n(n),
        k(k),
        depth(round_up(k, kBf16Depth)),
        lda(contiguous ? depth + 6 : kBf16Depth + 6),
        a_block(contiguous ? kBf16Depth : (m + kRowsRead) * lda),
        a(random_bf16(depth / kBf16Depth * a_block + (m + kRowsRead) * lda + 1, 1)),
        b_strip(depth * kStripWidth + 2),
        b(random_bf16(round_up(n, kStripWidth) / kStripWidth * b_strip, 2)),
        ldc(round_up(n, kStripWidth) + 3),
        c((m + 1) * ldc, kUntouched) {
    for (std::size_t row = 0; row < m; ++row) {
      for (std::size_t i = k; i < depth; ++i) a[at(row, i)] = 0;
    }
    for (std::size_t strip = 0; strip < b.size(); strip += b_strip) {
      for (std::size_t i = k; i < depth; ++i) {
        for (std::size_t j = 0; j < kStripWidth; ++j) {
          b[strip + (i / 2 * kStripWidth + j) * 2 + i % 2] = 0;
        }
      }
    }
  }
  // Of A; read from the second element on.
  std::size_t at(std::size_t row, std::size_t i) const {
    return 1 + i / kBf16Depth * a_block + row * lda + i % kBf16Depth;
  }

  std::size_t m, n, k, depth, lda, a_block;
  std::vector<std::uint16_t> a;
  std::size_t b_strip;
  std::vector<std::uint16_t> b;
  std::size_t ldc;
  std::vector<float> c;  // a row more than m
};

// Of C's columns those beyond n, up to a multiple of 16, may be anything.
std::vector<float> multiply(const Bf16Product& product, const Data& data) {
  std::vector<float> c = data.c;
  Bf16Args args{.m = data.m,
                .n = data.n,
                .k = data.k,
                .a = data.a.data() + 1,
                .lda = data.lda,
                .a_block = data.a_block,
                .b = data.b.data(),
                .b_strip = data.b_strip,
                .c = c.data(),
                .ldc = data.ldc};
  product.multiply(args);
  args.add = true;
  product.multiply(args);
  if (product.release != nullptr) product.release();
  for (std::size_t row = 0; row < data.m; ++row) {
    std::fill_n(c.data() + row * data.ldc + data.n, round_up(data.n, kStripWidth) - data.n, 0.0F);
  }
  return c;
}

// Those that this machine has.
std::vector<const Bf16Product*> products() {
  std::vector<const Bf16Product*> all;
  for (const Bf16Product* product : {dot_bf16_product(), amx_bf16_product()}) {
    if (product != nullptr) all.push_back(product);
  }
  return all;
}

TEST(Bf16Product, IsNearThePlainProductAtAllTailsAndWritesNothingElse) {
  if (products().empty()) GTEST_SKIP() << "no instructions that multiply bf16";
  for (const std::size_t m :
       {1u, 2u, 5u, 6u, 7u, 11u, 12u, 13u, 15u, 16u, 17u, 31u, 32u, 33u, 48u, 97u, 128u}) {
    for (const std::size_t n : {1u, 16u, 17u, 32u, 40u, 48u, 60u, 64u, 150u}) {
      for (const std::size_t k : {1u, 2u, 31u, 32u, 33u, 64u, 96u, 100u, 768u}) {
        SCOPED_TRACE(testing::Message() << m << " rows, " << n << " columns, depth " << k);
        const Data data(m, n, k, (m + n + k) % 2 == 0);
        const std::vector<float> want = multiply(scalar_bf16_product(), data);
        for (const Bf16Product* product : products()) {
          // Sums of k products of about 1 in f32.
          ASSERT_THAT(multiply(*product, data), testing::Pointwise(testing::FloatNear(1e-3F), want))
              << product->name;
        }
      }
    }
  }
}

TEST(Bf16Product, PassesItsSelfTest) {
  for (const Bf16Product* product : products()) EXPECT_EQ(self_test(*product), "");
}

TEST(Bf16Product, ARowDoesNotDependOnItsNeighbours) {
  const Data data(97, 64, 100, false);
  for (const Bf16Product* product : products()) {
    const std::vector<float> all = multiply(*product, data);
    for (const std::size_t m : {1u, 15u, 16u, 17u, 33u}) {
      Data some = data;
      some.m = m;
      const std::vector<float> got = multiply(*product, some);
      EXPECT_TRUE(std::equal(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(m * data.ldc),
                             got.begin()))
          << product->name << ", " << m;
    }
  }
}

TEST(Bf16Product, KeepsWhatIsNoNumberInItsRow) {
  for (const unsigned bits : {0x7F80U, 0xFF80U, 0x7FC0U}) {
    Data data(5, 64, 64, true);
    data.a[data.at(3, 17)] = static_cast<std::uint16_t>(bits);
    for (const Bf16Product* product : products()) {
      const std::vector<float> c = multiply(*product, data);
      for (std::size_t i = 0; i < 5 * data.ldc; ++i) {
        ASSERT_EQ(std::isfinite(c[i]), i / data.ldc != 3 || i % data.ldc >= 64) << i;
      }
    }
  }
}

TEST(Bf16Product, ThePlainOneIsRight) {
  // Two rows of A, three of depth; B[k][n] = k + 1 in column 0, else 0.
  const std::vector<std::uint16_t> a{0x3F80, 0x4000, 0x4040, 0, 0xBF80, 0x3F80, 0x3F80, 0};
  std::vector<std::uint16_t> b(8 * kStripWidth);
  b[0] = 0x3F80;
  b[1] = 0x4000;
  b[2 * kStripWidth] = 0x4040;
  std::vector<float> c(40, 10);
  scalar_bf16_product().multiply({.m = 2,
                                  .n = 20,
                                  .k = 4,
                                  .a = a.data(),
                                  .lda = 4,
                                  .b = b.data(),
                                  .b_strip = 4 * kStripWidth,
                                  .c = c.data(),
                                  .ldc = 20,
                                  .add = true});
  EXPECT_EQ(c[0], 10 + 1 + 4 + 9);
  EXPECT_EQ(c[20], 10 - 1 + 2 + 3);
  EXPECT_EQ(c[1], 10);
  EXPECT_EQ(c[16], 10);
}

TEST(Bf16SelfTest, RefusesWrongProducts) {
  const auto wrong = [](const Bf16Args& args) {
    scalar_bf16_product().multiply(args);
    args.c[(args.m - 1) * args.ldc + args.n - 1] += 0.5F;
  };
  EXPECT_THAT(self_test(Bf16Product{"wrong", wrong, nullptr, 1, kRowBlock}),
              testing::StartsWith("wrong is off by "));
  // The second of each pair left out.
  const auto half = [](const Bf16Args& args) {
    std::vector<std::uint16_t> b(args.b, args.b + args.n / kStripWidth * args.b_strip);
    for (std::size_t i = 1; i < b.size(); i += 2) b[i] = 0;
    Bf16Args other = args;
    other.b = b.data();
    scalar_bf16_product().multiply(other);
  };
  EXPECT_THAT(self_test(Bf16Product{"half", half, nullptr, 1, kRowBlock}),
              testing::StartsWith("half is off by "));
}

// All 65536 bit patterns, NaNs and denormals among them.
TEST(WidenPanel, IsExact) {
  for (const std::size_t k : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 100u, 1024u}) {
    const std::size_t strip = (k + 1) / 2 * 2 * kStripWidth + 2;
    std::vector<std::uint16_t> panel(4 * strip + 2);
    for (std::size_t i = 0; i < panel.size(); ++i) panel[i] = static_cast<std::uint16_t>(i * 40503);
    const auto widened = [&](auto widen) {
      std::vector<float> to(k * kPanelWidth + 2, kUntouched);
      widen(panel.data() + 2, strip, k, to.data() + 1);  // aligned to nothing but a pair
      std::vector<std::uint32_t> bits(to.size());
      std::transform(to.begin(), to.end(), bits.begin(),
                     [](float v) { return std::bit_cast<std::uint32_t>(v); });
      return bits;
    };
    const auto want = widened(widen_panel_scalar);
    EXPECT_EQ(want.back(), std::bit_cast<std::uint32_t>(kUntouched));
    EXPECT_EQ(want[1], std::uint32_t{panel[2]} << 16);
    EXPECT_EQ(want[1 + 17], std::uint32_t{panel[2 + strip + 2]} << 16);
    const auto fetching = [&](auto... args) {
      widen_panel(args..., std::as_bytes(std::span(panel)).data(), 100);
    };
    for_each_target([&] {
      EXPECT_EQ(widened([](auto... args) { widen_panel(args...); }), want) << k;
      EXPECT_EQ(widened(fetching), want) << k;
    });
  }
}

}  // namespace
}  // namespace onecopy::worker::kernels
