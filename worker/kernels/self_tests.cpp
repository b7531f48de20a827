// The tests that a product of lower precision passes on this machine before it is used: it must
// agree with its plain twin.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "worker/kernels/bf16_product.h"
#include "worker/kernels/int8_product.h"

namespace onecopy::worker::kernels {
namespace {

// Bits without a pattern; the same ones in each process.
class Noise {
 public:
  explicit Noise(std::uint32_t seed) : state_(seed) {}
  std::uint32_t next() { return (state_ = state_ * 1664525U + 1013904223U) >> 8; }

 private:
  std::uint32_t state_;
};

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= worst)) worst = difference;  // also takes a NaN
  }
  return worst;
}

constexpr std::size_t kTestRows[] = {96, 1, 37};

double error_of(const Bf16Product& product, std::size_t rows) {
  constexpr std::size_t kDepth = 128;
  Noise noise(1);
  const auto random = [&] {  // 1 to 2, either sign
    return static_cast<std::uint16_t>(0x3F80U | (noise.next() & 0x807FU));
  };
  std::vector<std::uint16_t> a((rows + kRowsRead) * kDepth);
  std::vector<std::uint16_t> b(kDepth * kPanelWidth);
  std::generate(a.begin(), a.end(), random);
  std::generate(b.begin(), b.end(), random);
  std::vector<float> want(rows * kPanelWidth);
  std::vector<float> got(rows * kPanelWidth);
  for (const bool add : {false, true}) {
    Bf16Args args{.m = rows,
                  .n = kPanelWidth,
                  .k = kDepth,
                  .a = a.data(),
                  .lda = kDepth,
                  .b = b.data(),
                  .b_strip = kDepth * kStripWidth,
                  .c = want.data(),
                  .ldc = kPanelWidth,
                  .add = add};
    scalar_bf16_product().multiply(args);
    args.c = got.data();
    product.multiply(args);
  }
  if (product.release != nullptr) product.release();
  return largest_difference(want, got);
}

// Values at both ends of their ranges, where instructions that saturate on the way would be wrong.
double error_of(const Int8Product& product, std::size_t rows) {
  constexpr std::size_t kBlocks = 4;
  Noise noise(2);
  std::vector<std::uint8_t> a((kBlocks * rows + kRowsRead) * kS8BlockRows);
  for (auto& v : a) v = noise.next() % 3 == 0 ? 255 : static_cast<std::uint8_t>(noise.next());
  std::vector<std::int8_t> b(kBlocks * kS8BlockRows * kPanelWidth);
  for (auto& v : b) {
    v = noise.next() % 3 == 0 ? 127 : static_cast<std::int8_t>(noise.next() % 255 - 127);
  }
  std::vector<std::int16_t> sums(kBlocks * kPanelWidth);
  for (auto& v : sums) v = static_cast<std::int16_t>(noise.next() % 8129);
  std::vector<float> scales(kBlocks * rows);
  for (auto& v : scales) v = 1.0F / static_cast<float>(1U << noise.next() % 8);
  std::vector<float> want(rows * kPanelWidth);
  std::vector<float> got(rows * kPanelWidth);
  for (const std::size_t together : {kBlocks, std::size_t{1}}) {
    Int8Args args{.m = rows,
                  .blocks = kBlocks,
                  .a = a.data(),
                  .lda = kS8BlockRows,
                  .a_block = rows * kS8BlockRows,
                  .b = b.data(),
                  .b_strip = kBlocks * kS8BlockRows * kStripWidth,
                  .block_sums = sums.data(),
                  .scales = scales.data(),
                  .together = together,
                  .next_scales = rows,
                  .c = want.data(),
                  .add = together == 1};
    scalar_int8_product().multiply(args);
    args.c = got.data();
    product.multiply(args);
  }
  if (product.release != nullptr) product.release();
  return largest_difference(want, got);
}

template <class Product>
std::string test(const Product& product, double most) {
  for (const std::size_t rows : kTestRows) {
    const double error = error_of(product, rows);
    if (!(error <= most)) {
      return fmt::format("{} is off by {} with {} rows", product.name, error, rows);
    }
  }
  return {};
}

}  // namespace

// Sums of 256 products of up to 4.
std::string self_test(const Bf16Product& product) { return test(product, 1e-2); }
// Integers times powers of two: up to the last bits of sums of some millions.
std::string self_test(const Int8Product& product) { return test(product, 1.0); }

}  // namespace onecopy::worker::kernels
