// Row kernels against their plain twins: all tails, unaligned rows, extreme values, every
// instruction set.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/worker/kernels/targets.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker::kernels {
namespace {

const std::vector<std::size_t> kSizes = [] {
  std::vector<std::size_t> sizes(70);
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = i + 1;
  sizes.insert(sizes.end(), {127, 128, 129, 255, 256, 257, 384, 500, 768, 1024});
  return sizes;
}();

constexpr float kUntouched = 12345;

TEST(LayerNorm, EqualsItsTwinInBothLayouts) {
  for_each_target([] {
    for (const std::size_t columns : kSizes) {
      const std::size_t rows = 3;
      std::vector<float> data = random_floats(Activations::floats(rows, columns), 1, 3);
      std::vector<float> want_data = data;
      std::vector<float> out(rows * columns + 1, kUntouched);
      const std::vector<float> weight = random_floats(columns + 1, 2);
      const std::vector<float> bias = random_floats(columns + 1, 3);
      const LayerNorm norm{weight.data() + 1, bias.data() + 1, 1e-12F, columns};
      const Activations x = Activations::blocked(data.data(), rows);
      const Activations want = Activations::blocked(want_data.data(), rows);
      layer_norm_scalar(norm, x, want, 0, rows);
      layer_norm(norm, x, Activations::row_major(out.data(), columns), 0, rows);
      layer_norm(norm, x, x, 1, rows);  // in place, not the first row
      for (std::size_t c = 0; c < columns; ++c) {
        for (std::size_t row = 0; row < rows; ++row) {
          ASSERT_NEAR(out[row * columns + c], *want.at(row, c), 5e-6) << columns;
          if (row > 0) {
            ASSERT_EQ(*x.at(row, c), out[row * columns + c]) << columns;
          }
        }
      }
      ASSERT_EQ(out.back(), kUntouched);
    }
  });
}

TEST(LayerNorm, KeepsItsDigitsWithAMeanFarFromZero) {
  for_each_target([] {
    std::vector<float> x = random_floats(768, 1);
    for (float& v : x) v += 1000;
    const std::vector<float> ones(768, 1);
    const std::vector<float> zeros(768, 0);
    const LayerNorm norm{ones.data(), zeros.data(), 1e-5F, 768};
    std::vector<float> got(768);
    std::vector<float> want(768);
    const Activations in = Activations::row_major(x.data(), 768);
    layer_norm(norm, in, Activations::row_major(got.data(), 768), 0, 1);
    layer_norm_scalar(norm, in, Activations::row_major(want.data(), 768), 0, 1);
    EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(3e-4F), want));
  });
}

TEST(LayerNorm, OfEqualValuesIsTheBias) {
  for_each_target([] {
    std::vector<float> x(100, 7);
    const std::vector<float> weight = random_floats(100, 1);
    const std::vector<float> bias = random_floats(100, 2);
    const Activations view = Activations::row_major(x.data(), 100);
    layer_norm({weight.data(), bias.data(), 1e-12F, 100}, view, view, 0, 1);
    EXPECT_THAT(x, testing::Pointwise(testing::FloatNear(1e-5F), bias));
  });
}

TEST(ExpRows, EqualsItsTwin) {
  for_each_target([] {
    for (const std::size_t columns : kSizes) {
      std::vector<float> got = random_floats(2 * (columns + 1) + 1, 4, 10);
      std::vector<float> want = got;
      float sums[2];
      float want_sums[2];
      exp_rows({got.data() + 1, columns + 1, 2, columns}, sums);
      exp_rows_scalar({want.data() + 1, columns + 1, 2, columns}, want_sums);
      ASSERT_NEAR(sums[0] / want_sums[0], 1, 1e-6) << columns;
      ASSERT_NEAR(sums[1] / want_sums[1], 1, 1e-6) << columns;
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (i % (columns + 1) == 0) {  // the margin
          ASSERT_EQ(got[i], want[i]);
          continue;
        }
        ASSERT_NEAR(got[i], want[i], 3e-7F * (1 + std::abs(std::log(want[i]))) * want[i] + 1e-37F)
            << columns;
      }
    }
  });
}

float exp_one(std::vector<float>& row) {
  float inverse_sum = 0;
  exp_rows({row.data(), row.size(), 1, row.size()}, &inverse_sum);
  return inverse_sum;
}

TEST(ExpRows, TakesExtremeValues) {
  for_each_target([] {
    const float most = std::numeric_limits<float>::max();
    std::vector<float> row{-10000, 3, -10000, 3, -most, -80, 2};
    EXPECT_NEAR(exp_one(row), 1 / (2 + std::exp(-1.0)), 1e-7);
    EXPECT_THAT(row, testing::ElementsAre(0, 1, 0, 1, 0, testing::FloatNear(0, 1e-30F),
                                          testing::FloatEq(std::exp(-1.0F))));
    std::vector<float> huge{most, most};
    EXPECT_EQ(exp_one(huge), 0.5F);
    std::vector<float> one{-most};
    EXPECT_EQ(exp_one(one), 1);
  });
}

TEST(Dot, EqualsItsTwin) {
  for_each_target([] {
    for (const std::size_t columns : kSizes) {
      const std::vector<float> a = random_floats(columns + 1, 5);
      const std::vector<float> b = random_floats(columns + 1, 6);
      ASSERT_NEAR(dot(a.data() + 1, b.data() + 1, columns),
                  dot_scalar(a.data() + 1, b.data() + 1, columns), 1e-4)
          << columns;
    }
  });
}

TEST(AddRowsAndScaleRows, CoverAllColumnsAndNoMore) {
  for_each_target([] {
    for (const std::size_t columns : kSizes) {
      const std::vector<float> a = random_floats(columns, 7);
      std::vector<float> out(2 * columns + 1, kUntouched);
      const Activations y = Activations::row_major(out.data(), columns);
      add_rows(a.data(), a.data(), nullptr, y, 0, columns);
      add_rows(a.data(), a.data(), a.data(), y, 1, columns);
      const float factors[] = {0.5F, 1};
      scale_rows({out.data(), columns, 2, columns}, factors);
      for (std::size_t i = 0; i < columns; ++i) {
        ASSERT_EQ(out[i], a[i]);
        ASSERT_EQ(out[columns + i], a[i] + a[i] + a[i]);
      }
      ASSERT_EQ(out.back(), kUntouched);
    }
  });
}

TEST(Transpose, OfAllShapesUpToAPanel) {
  for_each_target([] {
    for (const std::size_t rows : {1u, 2u, 3u, 4u, 5u, 8u, 11u, 63u, 64u}) {
      for (const std::size_t columns : {1u, 3u, 4u, 6u, 16u, 31u, 64u}) {
        const std::vector<float> x = random_floats(rows * 70, 8);
        std::vector<float> y(columns * 65, kUntouched);
        transpose(x.data(), 70, rows, columns, 0.5F, y.data(), 65);
        for (std::size_t c = 0; c < columns; ++c) {
          for (std::size_t r = 0; r < 65; ++r) {
            ASSERT_EQ(y[c * 65 + r], r < rows ? 0.5F * x[r * 70 + c] : kUntouched);
          }
        }
      }
    }
  });
}

class EpilogueTest : public testing::TestWithParam<Epilogue> {};

TEST_P(EpilogueTest, EqualsItsTwinFromTinyToHuge) {
  for_each_target([] {
    std::vector<float> got;
    for (float v = -20; v < 20; v += 0.0031F) got.push_back(v);
    for (const float v : {0.0F, -0.0F, 1e-30F, -1e-30F, 1e-8F, 100.0F, -100.0F, 1e9F, -1e9F}) {
      got.push_back(v);
    }
    const std::vector<float> inputs = got;
    std::vector<float> want = got;
    const std::vector<float> bias(got.size(), 0.0F);
    finish_block(GetParam(), bias.data(), got.data(), got.size(), 1, got.size());
    finish_block_scalar(GetParam(), bias.data(), want.data(), want.size(), 1, want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], 2.5e-7 * std::max(1.0F, std::abs(inputs[i]))) << inputs[i];
    }
  });
}

TEST_P(EpilogueTest, AddsTheBiasInAllTailsAndWritesNothingElse) {
  for_each_target([] {
    for (std::size_t columns = 1; columns <= 64; ++columns) {
      const std::vector<float> bias = random_floats(columns + 1, 9);
      std::vector<float> got = random_floats(192, 10);
      std::vector<float> want = got;
      finish_block(GetParam(), bias.data() + 1, got.data(), 64, 3, columns);
      finish_block_scalar(GetParam(), bias.data() + 1, want.data(), 64, 3, columns);
      ASSERT_THAT(got, testing::Pointwise(testing::FloatNear(5e-7F), want)) << columns;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, EpilogueTest,
                         testing::Values(Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh,
                                         Epilogue::kRelu));

}  // namespace
}  // namespace onecopy::worker::kernels
