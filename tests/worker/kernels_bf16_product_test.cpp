// Products of bf16 and their widening to f32, against the plain ones.
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <stdexcept>

#include "host/convert.h"
#include "shared/packed_weight.h"
#include "tests/worker/kernels_targets.h"
#include "worker/kernels/bf16_product.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kUntouched = 12345;

std::vector<std::uint16_t> random_bf16(std::size_t count, unsigned seed) {
  std::vector<std::uint16_t> values;
  for (const float v : random_floats(count, seed)) values.push_back(host::narrow_bf16(v));
  return values;
}

struct Data {
  Data(std::size_t m, std::size_t k)
      : lda(k + 6),
        a(random_bf16(m * lda + 1, 1)),
        b(random_bf16(k * kPanelWidth, 2)),
        c((m + 1) * kPanelWidth, kUntouched) {}
  std::size_t lda;
  std::vector<std::uint16_t> a, b;  // a is read from the second on
  std::vector<float> c;
};

std::vector<float> multiply(const Bf16Product& product, const Data& data, std::size_t m,
                            std::size_t k) {
  std::vector<float> c = data.c;
  Bf16Args args{
      .m = m, .k = k, .a = data.a.data() + 1, .lda = data.lda, .b = data.b.data(), .c = c.data()};
  product.multiply(args);
  args.add = true;
  product.multiply(args);
  if (product.release != nullptr) product.release();
  return c;
}

const Bf16Product* working_brgemm() {
  const Bf16Product* const brgemm = brgemm_bf16_product();
  return brgemm != nullptr && self_test(*brgemm).empty() ? brgemm : nullptr;
}

TEST(Bf16Product, BrgemmIsNearThePlainProductAtAllTailsAndWritesNothingElse) {
  const Bf16Product* const brgemm = working_brgemm();
  if (brgemm == nullptr) GTEST_SKIP() << "no brgemm that multiplies bf16";
  for (const std::size_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 96, 97, 100}) {
    for (const std::size_t k : {2, 4, 6, 16, 18, 48, 64, 100, 130, 768}) {
      SCOPED_TRACE(testing::Message() << m << " rows, depth " << k);
      const Data data(m, k);
      const std::vector<float> want = multiply(scalar_bf16_product(), data, m, k);
      const std::vector<float> got = multiply(*brgemm, data, m, k);
      // Sums of k products of about 1 in f32.
      ASSERT_THAT(got, testing::Pointwise(testing::FloatNear(1e-3F), want));
    }
  }
}

TEST(Bf16Product, BrgemmKeepsWhatIsNoNumberInItsRow) {
  const Bf16Product* const brgemm = working_brgemm();
  if (brgemm == nullptr) GTEST_SKIP() << "no brgemm that multiplies bf16";
  for (const unsigned bits : {0x7F80U, 0xFF80U, 0x7FC0U}) {
    Data data(5, 64);
    data.a[1 + 3 * data.lda + 17] = static_cast<std::uint16_t>(bits);
    const std::vector<float> c = multiply(*brgemm, data, 5, 64);
    for (std::size_t i = 0; i < 5 * kPanelWidth; ++i) {
      ASSERT_EQ(std::isfinite(c[i]), i / kPanelWidth != 3) << i;
    }
  }
}

TEST(Bf16Product, ThePlainOneIsRight) {
  // Two rows of A, three of depth; B[k][n] = k + 1 in column 0, else 0.
  const std::vector<std::uint16_t> a{0x3F80, 0x4000, 0x4040, 0, 0xBF80, 0x3F80, 0x3F80, 0};
  std::vector<std::uint16_t> b(4 * kPanelWidth);
  b[0] = 0x3F80;
  b[1] = 0x4000;
  b[2 * kPanelWidth] = 0x4040;
  std::vector<float> c(2 * kPanelWidth, 10);
  scalar_bf16_product().multiply(
      {.m = 2, .k = 4, .a = a.data(), .lda = 4, .b = b.data(), .c = c.data(), .add = true});
  EXPECT_EQ(c[0], 10 + 1 + 4 + 9);
  EXPECT_EQ(c[kPanelWidth], 10 - 1 + 2 + 3);
  EXPECT_EQ(c[1], 10);
}

TEST(Bf16SelfTest, RefusesWrongProducts) {
  const auto wrong = [](const Bf16Args& args) {
    scalar_bf16_product().multiply(args);
    args.c[args.m * kPanelWidth - 1] += 0.5F;
  };
  EXPECT_THAT(self_test(Bf16Product{"wrong", wrong, nullptr}),
              testing::StartsWith("wrong is off by "));
  // The second of each pair left out.
  const auto half = [](const Bf16Args& args) {
    std::vector<std::uint16_t> b(args.b, args.b + args.k * kPanelWidth);
    for (std::size_t i = 1; i < b.size(); i += 2) b[i] = 0;
    Bf16Args other = args;
    other.b = b.data();
    scalar_bf16_product().multiply(other);
  };
  EXPECT_THAT(self_test(Bf16Product{"half", half, nullptr}),
              testing::StartsWith("half is off by "));
  const auto throws = [](const Bf16Args&) { throw std::runtime_error("no kernel\nfor this"); };
  EXPECT_EQ(self_test(Bf16Product{"throwing", throws, nullptr}), "throwing: no kernel");
}

// All 65536 bit patterns, NaNs and denormals among them.
TEST(WidenPanel, IsExact) {
  for (const std::size_t k : {1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 1024}) {
    std::vector<std::uint16_t> panel((k + 1) / 2 * 2 * kPanelWidth + 2);
    for (std::size_t i = 0; i < panel.size(); ++i) panel[i] = static_cast<std::uint16_t>(i * 40503);
    const auto widened = [&](auto widen) {
      std::vector<float> to(k * kPanelWidth + 2, kUntouched);
      widen(panel.data() + 2, k, to.data() + 1);  // aligned to nothing but a pair
      std::vector<std::uint32_t> bits;
      for (const float v : to) bits.push_back(std::bit_cast<std::uint32_t>(v));
      return bits;
    };
    const auto want = widened(widen_panel_scalar);
    EXPECT_EQ(want.back(), std::bit_cast<std::uint32_t>(kUntouched));
    EXPECT_EQ(want[1], std::uint32_t{panel[2]} << 16);
    for_each_target([&] { EXPECT_EQ(widened(widen_panel), want) << k; });
  }
}

}  // namespace
}  // namespace onecopy::worker::kernels
