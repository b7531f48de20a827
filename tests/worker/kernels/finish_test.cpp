// Products that finish their sums: against the same product and finish_scaled one after the other,
// in all ways that this machine has.
#include <gmock/gmock.h>

#include <algorithm>

#include "shared/base/bf16.h"
#include "tests/worker/kernels/operands.h"
#include "tests/worker/kernels/targets.h"
#include "worker/kernels/epilogue.h"

namespace onecopy::worker::kernels {
namespace {

struct Case {
  std::size_t m, columns;
  Epilogue epilogue;
  bool to_bf16, add, lows;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.m << " rows, " << c.columns << " columns, epilogue "
             << static_cast<int>(c.epilogue) << ", bf16 " << c.to_bf16 << ", add " << c.add
             << ", lows " << c.lows;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::size_t m : {1u, 16u, 17u, 32u, 40u, 128u}) {
    for (const std::size_t columns : {64u, 37u}) {
      for (const Epilogue epilogue :
           {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh, Epilogue::kRelu}) {
        for (const int kind : {0, 1, 2}) {
          all.push_back({m, columns, epilogue, kind == 1, kind == 2, all.size() % 2 == 0});
        }
      }
    }
  }
  return all;
}

// What finishing reads and where it writes.
class Target {
 public:
  explicit Target(const Case& c)
      : case_(c),
        scales_(random_floats(64, 1, 0.1F)),
        bias_(random_floats(64, 2)),
        lows_(random_floats(c.m, 3)),
        sums_(random_floats(64, 4)),
        floats_(random_floats(c.m * kStride, 5)),
        halves_(c.m * kStride, 0x4242) {}

  Finish finish() {
    Finish finish{.epilogue = case_.epilogue,
                  .scales = scales_.data(),
                  .bias = bias_.data(),
                  .lows = case_.lows ? lows_.data() : nullptr,
                  .sums = sums_.data(),
                  .columns = case_.columns,
                  .half = 35,
                  .stride = kStride,
                  .add = case_.add};
    if (case_.to_bf16) {
      finish.to_bf16 = halves_.data();
    } else {
      finish.to = floats_.data();
    }
    return finish;
  }
  std::vector<float> values() const {
    if (!case_.to_bf16) return floats_;
    std::vector<float> values(halves_.size());
    std::transform(halves_.begin(), halves_.end(), values.begin(), widen_bf16);
    return values;
  }

 private:
  static constexpr std::size_t kStride = 70;
  const Case& case_;
  std::vector<float> scales_, bias_, lows_, sums_, floats_;
  std::vector<std::uint16_t> halves_;
};

// multiply(finish or null, c)
template <class Multiply>
void expect_same(const Case& c, const Multiply& multiply) {
  std::vector<float> sums(c.m * kPanelWidth);
  multiply(nullptr, sums.data());
  Target want(c);
  finish_scaled(sums.data(), c.m, want.finish());
  Target got(c);
  const Finish finish = got.finish();
  multiply(&finish, sums.data());
  // GELU within 3e-4; half a step of a bf16 of 8.
  const float bound = c.to_bf16 ? 0.04F : 5e-4F;
  ASSERT_THAT(got.values(), testing::Pointwise(testing::FloatNear(bound), want.values())) << c;
}

TEST(FinishedProduct, OfInt8IsTheSameInOneOrInTwoSteps) {
  constexpr std::size_t kBlocks = 5;
  std::vector<std::int8_t> b(kBlocks * kS8BlockRows * kPanelWidth);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::int8_t>(i * 2654435761U >> 24);
  std::vector<std::int16_t> block_sums(kBlocks * kPanelWidth, 77);
  for (const Way& way : all_ways()) {
    if (way.weight != DType::kS8) continue;
    for (const Case& c : cases()) {
      std::vector<std::uint8_t> a((c.m * kBlocks + kRowsRead) * kS8BlockRows);
      for (std::size_t i = 0; i < a.size(); ++i) {
        a[i] = static_cast<std::uint8_t>(i * 40503U >> 8);
      }
      const std::vector<float> scales(kBlocks * c.m, 1e-5F);
      for (const std::size_t together : {std::size_t{2}, kBlocks}) {
        expect_same(c, [&](const Finish* finish, float* sums) {
          way.back_ends.int8->multiply({.m = c.m,
                                        .blocks = kBlocks,
                                        .a = a.data(),
                                        .lda = kS8BlockRows,
                                        .a_block = c.m * kS8BlockRows,
                                        .b = b.data(),
                                        .b_strip = kBlocks * kS8BlockRows * kStripWidth,
                                        .block_sums = block_sums.data(),
                                        .scales = scales.data(),
                                        .together = together,
                                        .next_scales = c.m,
                                        .c = sums,
                                        .finish = finish});
        });
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(FinishedProduct, OfBf16IsTheSameInOneOrInTwoSteps) {
  constexpr std::size_t kDepth = 96;
  const auto random = [](std::size_t count, unsigned seed) {
    std::vector<std::uint16_t> values;
    for (const float v : random_floats(count, seed)) values.push_back(narrow_bf16(v));
    return values;
  };
  const auto b = random(kDepth * kPanelWidth, 1);
  for (const Way& way : all_ways()) {
    if (way.back_ends.bf16 == nullptr || way.weight != DType::kBf16) continue;
    for (const Case& c : cases()) {
      const auto a = random((c.m + kRowsRead) * kDepth, 2);
      expect_same(c, [&](const Finish* finish, float* sums) {
        way.back_ends.bf16->multiply({.m = c.m,
                                      .n = kPanelWidth,
                                      .k = kDepth,
                                      .a = a.data(),
                                      .lda = kDepth,
                                      .b = b.data(),
                                      .b_strip = kDepth * kStripWidth,
                                      .c = sums,
                                      .ldc = kPanelWidth,
                                      .finish = finish});
      });
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace onecopy::worker::kernels
