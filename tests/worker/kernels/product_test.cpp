// Block products against the plain one: every tail of rows, columns and depth, on every instruction
// set.
#include <gmock/gmock.h>

#include <bit>

#include "tests/worker/kernels/targets.h"
#include "worker/kernels/back_ends.h"
#include "worker/kernels/block_product.h"

namespace onecopy::worker::kernels {
namespace {

constexpr float kUntouched = 12345;

// C with a margin: a row more than m, and rows wider than n.
struct Matrices {
  std::size_t lda, ldb, ldc;
  std::vector<float> a, b, c;
};

Matrices matrices(std::size_t m, std::size_t n, std::size_t k) {
  Matrices all{k + 3, n + 5, n + 7, {}, {}, {}};
  all.a = random_floats(m * all.lda + 1, 1);
  all.b = random_floats(k * all.ldb + 1, 2);
  all.c.assign((m + 1) * all.ldc, kUntouched);
  return all;
}

std::vector<float> multiply(const BlockProduct& product, const Matrices& in, std::size_t m,
                            std::size_t n, std::size_t k) {
  std::vector<float> c = in.c;
  // a + 1 and b + 1: addresses that are aligned to nothing but a float.
  BlockArgs args{.m = m,
                 .n = n,
                 .k = k,
                 .a = in.a.data() + 1,
                 .lda = in.lda,
                 .b = in.b.data() + 1,
                 .ldb = in.ldb,
                 .c = c.data(),
                 .ldc = in.ldc};
  product.multiply(args);
  args.add = true;
  product.multiply(args);
  return c;
}

void expect_close(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 2e-4) << "at " << i;
}

TEST(HighwayProduct, EqualsPlainProductAtAllTailsAndWritesNothingElse) {
  for_each_target([] {
    for (const std::size_t n : {1u, 7u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 48u, 63u, 64u}) {
      for (std::size_t m = 1; m <= 13; ++m) {
        for (const std::size_t k : {1u, 15u, 16u, 17u, 64u, 127u, 128u}) {
          SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k);
          const Matrices in = matrices(m, n, k);
          expect_close(multiply(highway_product(), in, m, n, k),
                       multiply(scalar_product(), in, m, n, k));
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

TEST(HighwayProduct, ARowDoesNotDependOnItsNeighbours) {
  for_each_target([] {
    const Matrices in = matrices(23, 64, 128);
    const std::vector<float> all = multiply(highway_product(), in, 23, 64, 128);
    for (const std::size_t m : {1u, 5u, 6u, 14u}) {
      const std::vector<float> some = multiply(highway_product(), in, m, 64, 128);
      for (std::size_t i = 0; i < m * in.ldc; ++i) {
        ASSERT_EQ(std::bit_cast<unsigned>(some[i]), std::bit_cast<unsigned>(all[i])) << i;
      }
    }
  });
}

TEST(HighwayProduct, PrefetchingChangesNothing) {
  const Matrices in = matrices(20, 64, 128);
  std::vector<float> c(20 * in.ldc);
  const std::vector<std::byte> elsewhere(8192);
  const BlockArgs args{.m = 20,
                       .n = 64,
                       .k = 128,
                       .a = in.a.data() + 1,
                       .lda = in.lda,
                       .b = in.b.data() + 1,
                       .ldb = in.ldb,
                       .c = c.data(),
                       .ldc = in.ldc,
                       .next = elsewhere.data(),
                       .next_bytes = elsewhere.size()};
  highway_product().multiply(args);
  std::vector<float> want(c.size());
  BlockArgs plain = args;
  plain.c = want.data();
  scalar_product().multiply(plain);
  expect_close(c, want);
}

TEST(HighwayProduct, PassesItsSelfTest) {
  for_each_target([] { EXPECT_EQ(self_test(highway_product()), ""); });
}

TEST(BrgemmProduct, PassesItsSelfTestOrSaysWhy) {
  if (brgemm_product() == nullptr) GTEST_SKIP() << "built without libtorch";
  const std::string wrong = self_test(*brgemm_product());
  if (wrong.empty()) {
    const Matrices in = matrices(37, 64, 96);
    expect_close(multiply(*brgemm_product(), in, 37, 64, 96),
                 multiply(scalar_product(), in, 37, 64, 96));
  } else {
    EXPECT_THAT(wrong, testing::StartsWith("brgemm"));
  }
}

TEST(SelfTest, FindsAWrongProduct) {
  const BlockProduct wrong{"wrong",
                           [](const BlockArgs& args) {
                             scalar_product().multiply(args);
                             args.c[(args.m - 1) * args.ldc] += 0.01F;
                           },
                           nullptr};
  EXPECT_THAT(self_test(wrong), testing::HasSubstr("wrong is off by 0.0"));
}

// Right within the bound, but not the same to the last bit.
TEST(SelfTest, FindsRowsThatDependOnTheOthers) {
  const BlockProduct dependent{"dependent",
                               [](const BlockArgs& args) {
                                 scalar_product().multiply(args);
                                 if (args.m > 1) args.c[args.ldc] += 1e-5F;
                               },
                               nullptr};
  EXPECT_THAT(self_test(dependent), testing::HasSubstr("a row depends on the others"));
}

TEST(SelfTest, ReportsWhatAProductThrows) {
  const BlockProduct throwing{
      "throwing", [](const BlockArgs&) { throw std::runtime_error("no kernel\nfor this"); },
      nullptr};
  EXPECT_EQ(self_test(throwing), "throwing: no kernel");
}

TEST(DefaultBackEnds, AreOnesThatWork) {
  const BackEnds& chosen = default_back_ends();
  EXPECT_EQ(self_test(*chosen.f32), "");
  EXPECT_EQ(self_test(*chosen.any_shape), "");
  EXPECT_EQ(self_test(*chosen.int8), "");
  if (chosen.bf16 != nullptr) {
    EXPECT_EQ(self_test(*chosen.bf16), "");
  }
  EXPECT_NE(chosen.any_shape, brgemm_product());
  if (chosen.attention != nullptr) {
    EXPECT_EQ(chosen.attention, chosen.bf16);
  }
}

TEST(DefaultBackEnds, SayHowActivationsMustLie) {
  BackEnds back_ends = default_back_ends();
  back_ends.bf16 = &scalar_bf16_product();
  EXPECT_EQ(operand_type(DType::kF32, back_ends), OperandType::kF32);
  EXPECT_EQ(operand_type(DType::kBf16, back_ends), OperandType::kBf16);
  EXPECT_EQ(operand_type(DType::kS8, back_ends), OperandType::kU8);
  back_ends.bf16 = nullptr;
  EXPECT_EQ(operand_type(DType::kBf16, back_ends), OperandType::kF32);
}

}  // namespace
}  // namespace onecopy::worker::kernels
