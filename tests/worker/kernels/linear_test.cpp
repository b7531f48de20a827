// Linear layers over weights of each type against plain products with the numbers that the panels
// and the activations hold, by every way that the build and the machine have.
#include "worker/kernels/linear.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/worker/kernels/operands.h"
#include "tests/worker/kernels/targets.h"
#include "tests/worker/packed_weights.h"

namespace onecopy::worker::kernels {
namespace {

std::vector<float> source_of(std::size_t outputs, std::size_t inputs, unsigned seed) {
  return random_floats(outputs * inputs, seed, 1 / std::sqrt(static_cast<float>(inputs)));
}

double activated(Epilogue epilogue, double v) {
  switch (epilogue) {
    case Epilogue::kNone:
      return v;
    case Epilogue::kGelu:
      return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
    case Epilogue::kGeluTanh:
      return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    case Epilogue::kRelu:
      return std::max(v, 0.0);
  }
  return 0;
}

// What a product's errors add up to: sums in f32, and GELU as epilogue.h states it.
double bound(DType weight, Epilogue epilogue) {
  return 2e-5 + (weight != DType::kF32 && epilogue == Epilogue::kGelu ? 3e-4 : 0);
}

// [rows, outputs] from what x holds.
std::vector<double> plain_linear(const std::vector<float>& x, const LinearWeights& weights,
                                 Epilogue epilogue) {
  const std::size_t inputs = weights.weight.cols;
  const std::size_t outputs = weights.weight.rows;
  std::vector<float> w;
  for (std::size_t n = 0; n < outputs; ++n) {
    for (std::size_t k = 0; k < inputs; ++k) w.push_back(weight_at(weights.weight, n, k));
  }
  std::vector<double> y(x.size() / inputs * outputs);
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = weights.bias[i % outputs];
    for (std::size_t k = 0; k < inputs; ++k) {
      sum += static_cast<double>(x[i / outputs * inputs + k]) * w[i % outputs * inputs + k];
    }
    y[i] = activated(epilogue, sum);
  }
  return y;
}

// Activations for a weight of this way.
OwnedOperand input_for(const Way& way, std::size_t rows, std::size_t inputs, std::size_t together,
                       unsigned seed) {
  OwnedOperand x(operand_type(way.weight, way.back_ends), rows, inputs, together);
  x.write(random_floats(rows * inputs, seed));
  return x;
}

void expect_near(const OwnedOperand& y, const std::vector<double>& want, std::size_t outputs,
                 double bound) {
  const std::vector<float> got = y.read();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], bound + y.rounding(i / outputs, i % outputs))
        << "row " << i / outputs << ", column " << i % outputs;
  }
}

template <class Body>
void for_each_way(const Body& body) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    body(way);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// On every instruction set where the way is not libtorch's.
template <class Body>
void for_each_way_and_target(const Body& body) {
  for_each_target([&] { for_each_way(body); });
}

TEST(Linear, EqualsThePlainProductInAllSizes) {
  ThreadPool pool(1);
  for_each_way_and_target([&](const Way& way) {
    for (const std::size_t inputs : {48u, 21u, 64u, 100u, 130u, 600u}) {
      for (const std::size_t outputs : {48u, 21u, 64u, 100u}) {
        const PackedWeights w(way.weight, outputs, inputs, source_of(outputs, inputs, 1));
        for (const std::size_t together : {std::size_t{1}, std::size_t{2}, kWholeRow}) {
          if (together != kWholeRow && way.weight != DType::kS8) continue;
          SCOPED_TRACE(testing::Message() << inputs << " -> " << outputs << ", " << together);
          const OwnedOperand x = input_for(way, 7, inputs, together, 2);
          const OwnedOperand y(OperandType::kF32, 7, outputs);
          const Linear call{.x = x.operand(), .weights = &w.weights(), .y = y.operand()};
          linear({&call, 1}, 7, pool, way.back_ends);
          expect_near(y, plain_linear(x.read(), w.weights(), Epilogue::kNone), outputs,
                      bound(way.weight, Epilogue::kNone));
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

TEST(Linear, FinishesWithEachEpilogue) {
  ThreadPool pool(1);
  const PackedWeights f32(DType::kF32, 100, 130, source_of(100, 130, 3));
  for_each_way_and_target([&](const Way& way) {
    const PackedWeights w(way.weight, 100, 130, source_of(100, 130, 3));
    const OwnedOperand x = input_for(way, 10, 130, kWholeRow, 4);
    for (const Epilogue epilogue :
         {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh, Epilogue::kRelu}) {
      const OwnedOperand y(OperandType::kF32, 10, 100);
      const Linear call{
          .x = x.operand(), .weights = &w.weights(), .y = y.operand(), .epilogue = epilogue};
      linear({&call, 1}, 10, pool, way.back_ends);
      expect_near(y, plain_linear(x.read(), w.weights(), epilogue), 100,
                  bound(way.weight, epilogue));
    }
  });
}

// As the feed-forward's second product reads what GELU left: no zero point, an offset.
TEST(Linear, TakesBackTheOffsetOfItsActivations) {
  ThreadPool pool(1);
  for_each_way_and_target([&](const Way& way) {
    if (way.weight != DType::kS8) return;
    for (const std::size_t inputs : {21u, 100u, 130u, 1000u}) {
      const PackedWeights w(DType::kS8, 48, inputs, source_of(48, inputs, 5));
      OwnedOperand x(OperandType::kU8, 5, inputs, 2);
      x.operand().form = U8Form::kShifted;
      x.operand().offset = kGeluOffset;
      std::vector<float> values = random_floats(5 * inputs, 6);
      for (float& v : values) v = std::max(v, -0.17F);
      x.write(values);
      const OwnedOperand y(OperandType::kF32, 5, 48);
      const Linear call{.x = x.operand(), .weights = &w.weights(), .y = y.operand()};
      linear({&call, 1}, 5, pool, way.back_ends);
      expect_near(y, plain_linear(x.read(), w.weights(), Epilogue::kNone), 48, 2e-5);
    }
  });
}

TEST(Linear, AddsToWhatIsThere) {
  ThreadPool pool(1);
  for_each_way_and_target([&](const Way& way) {
    const PackedWeights w(way.weight, 130, 100, source_of(130, 100, 7));
    const OwnedOperand x = input_for(way, 9, 100, 2, 8);
    OwnedOperand y(OperandType::kF32, 9, 130);
    const std::vector<float> before = random_floats(1170, 9);
    y.write(before);
    const Linear call{.x = x.operand(), .weights = &w.weights(), .y = y.operand(), .add = true};
    linear({&call, 1}, 9, pool, way.back_ends);
    std::vector<double> want = plain_linear(x.read(), w.weights(), Epilogue::kNone);
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += before[i];
    expect_near(y, want, 130, bound(way.weight, Epilogue::kNone));
  });
}

// Results of the products' own type, with a scale for one, two or four blocks; 130 and 300 columns
// leave the last ones incomplete.
TEST(Linear, LeavesWhatTheNextProductReads) {
  ThreadPool pool(2);
  for_each_way_and_target([&](const Way& way) {
    const OperandType type = operand_type(way.weight, way.back_ends);
    for (const std::size_t outputs : {21u, 64u, 130u, 300u}) {
      for (const std::size_t together : {1u, 2u, 4u}) {
        if (together > 1 && type != OperandType::kU8) continue;
        for (const Epilogue epilogue : {Epilogue::kNone, Epilogue::kGelu, Epilogue::kRelu}) {
          SCOPED_TRACE(testing::Message() << outputs << ", " << together << " together");
          const PackedWeights w(way.weight, outputs, 100, source_of(outputs, 100, 10));
          const OwnedOperand x = input_for(way, 40, 100, kWholeRow, 11);
          OwnedOperand y(type, 40, outputs, together);
          if (epilogue != Epilogue::kNone) y.operand().form = U8Form::kShifted;
          y.operand().offset = epilogue == Epilogue::kGelu ? kGeluOffset : 0;
          const Linear call{
              .x = x.operand(), .weights = &w.weights(), .y = y.operand(), .epilogue = epilogue};
          linear({&call, 1}, 40, pool, way.back_ends);
          expect_near(y, plain_linear(x.read(), w.weights(), epilogue), outputs,
                      bound(way.weight, epilogue));
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

struct Three {
  explicit Three(const Way& way)
      : weights{PackedWeights(way.weight, 100, 150, source_of(100, 150, 12)),
                PackedWeights(way.weight, 21, 150, source_of(21, 150, 13)),
                PackedWeights(way.weight, 200, 150, source_of(200, 150, 14))} {}
  // y of all products, one after the other.
  std::vector<std::vector<float>> run(const Way& way, const Operand& x, std::size_t rows,
                                      unsigned threads) const {
    ThreadPool pool(threads);
    std::vector<OwnedOperand> results;
    std::vector<Linear> calls;
    for (const PackedWeights& w : weights) {
      results.emplace_back(OperandType::kF32, rows, w.weights().weight.rows);
      calls.push_back({.x = x, .weights = &w.weights(), .y = results.back().operand()});
    }
    linear(calls, rows, pool, way.back_ends);
    std::vector<std::vector<float>> y;
    y.reserve(results.size());
    for (const OwnedOperand& result : results) y.push_back(result.read());
    return y;
  }
  PackedWeights weights[3];
};

TEST(Linear, SeveralProductsAtOnceAreThoseOfEach) {
  for_each_way([](const Way& way) {
    const Three three(way);
    const OwnedOperand x = input_for(way, 12, 150, kWholeRow, 15);
    const auto y = three.run(way, x.operand(), 12, 1);
    for (std::size_t i = 0; i < 3; ++i) {
      const LinearWeights& w = three.weights[i].weights();
      const auto want = plain_linear(x.read(), w, Epilogue::kNone);
      ASSERT_EQ(y[i].size(), want.size());
      for (std::size_t j = 0; j < want.size(); ++j) ASSERT_NEAR(y[i][j], want[j], 2e-5);
    }
  });
}

class LinearRows : public testing::TestWithParam<std::size_t> {};

TEST_P(LinearRows, DoNotDependOnThreadsNorOnOtherRows) {
  const std::size_t together = GetParam();
  for_each_way([&](const Way& way) {
    constexpr std::size_t kRows = 401;
    const Three three(way);
    const OwnedOperand x = input_for(way, kRows, 150, together, 16);
    const auto y = three.run(way, x.operand(), kRows, 1);
    for (const unsigned threads : {2U, 3U}) {
      EXPECT_EQ(three.run(way, x.operand(), kRows, threads), y) << threads << " threads";
    }
    for (const std::size_t row : {0u, 5u, 6u, 95u, 96u, 200u, 400u}) {
      Operand one = x.operand();
      one.data += row * one.row_stride;
      one.scales += row;
      if (one.lows != nullptr) one.lows += row;
      const auto alone = three.run(way, one, 1, 1);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t width = alone[i].size();
        const std::vector<float> in_batch(
            y[i].begin() + static_cast<std::ptrdiff_t>(row * width),
            y[i].begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
        EXPECT_EQ(alone[i], in_batch) << "row " << row << " of product " << i;
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Together, LinearRows, testing::Values(1U, 2U, kWholeRow));

TEST(Linear, WhatIsNoNumberReachesItsRowOnly) {
  ThreadPool pool(1);
  for_each_way([&](const Way& way) {
    const PackedWeights w(way.weight, 70, 100, source_of(70, 100, 17));
    for (const float poison :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      std::vector<float> values = random_floats(900, 18);
      values[4 * 100 + 77] = poison;
      OwnedOperand x(operand_type(way.weight, way.back_ends), 9, 100, kWholeRow);
      x.write(values);
      const OwnedOperand y(OperandType::kF32, 9, 70);
      const Linear call{.x = x.operand(), .weights = &w.weights(), .y = y.operand()};
      linear({&call, 1}, 9, pool, way.back_ends);
      const std::vector<float> got = y.read();
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(std::isfinite(got[i]), i / 70 != 4) << i;
      }
    }
  });
}

}  // namespace
}  // namespace onecopy::worker::kernels
