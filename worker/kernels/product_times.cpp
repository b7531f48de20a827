#include "worker/kernels/product_times.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "shared/segment/packed_weight.h"

namespace onecopy::worker::kernels {
namespace {

// A product as the encoder asks for it, small enough to be timed in a fraction of a millisecond.
constexpr std::size_t kTimedRows = 96;
constexpr std::size_t kTimedDepth = 512;

// The best of a few runs: the first one compiles, or wakes the vector units.
template <class Run>
double seconds(const Run& run) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

double seconds_of(const Bf16Product& product) {
  const std::vector<std::uint16_t> a((kTimedRows + kRowsRead) * kTimedDepth, 0x3F80);
  const std::vector<std::uint16_t> b(kTimedDepth * kPanelWidth, 0x3F80);
  std::vector<float> c(kTimedRows * kPanelWidth);
  const double best = seconds([&] {
    product.multiply({.m = kTimedRows,
                      .n = kPanelWidth,
                      .k = kTimedDepth,
                      .a = a.data(),
                      .lda = kBf16Depth,
                      .a_block = kTimedRows * kBf16Depth,
                      .b = b.data(),
                      .b_strip = kTimedDepth * kStripWidth,
                      .c = c.data(),
                      .ldc = kPanelWidth});
  });
  if (product.release != nullptr) product.release();
  return best;
}

double seconds_in_f32(const BlockProduct& f32, bool widened) {
  const std::vector<float> a(kTimedRows * kTimedDepth, 1);
  const std::vector<std::uint16_t> b(kTimedDepth * kPanelWidth, 0x3F80);
  std::vector<float> wide(kProductDepth * kPanelWidth, 1);
  std::vector<float> c(kTimedRows * kPanelWidth);
  const double best = seconds([&] {
    for (std::size_t k = 0; k < kTimedDepth; k += kProductDepth) {
      if (widened) {
        widen_panel(b.data() + k * kStripWidth, kTimedDepth * kStripWidth, kProductDepth,
                    wide.data());
      }
      f32.multiply({.m = kTimedRows,
                    .n = kPanelWidth,
                    .k = kProductDepth,
                    .a = a.data() + k * kTimedRows,
                    .lda = kBlockColumns,
                    .a_block = kTimedRows * kBlockColumns,
                    .b = wide.data(),
                    .ldb = kPanelWidth,
                    .c = c.data(),
                    .ldc = kPanelWidth,
                    .add = k > 0});
    }
  });
  if (f32.release != nullptr) f32.release();
  return best;
}

double seconds_of(const Int8Product& product) {
  const std::vector<std::uint8_t> a((kTimedRows + kRowsRead) * kTimedDepth, 1);
  const std::vector<std::int8_t> b(kTimedDepth * kPanelWidth, 1);
  const std::vector<float> scales(kTimedRows, 1);
  std::vector<float> c(kTimedRows * kPanelWidth);
  const double best = seconds([&] {
    product.multiply({.m = kTimedRows,
                      .blocks = kTimedDepth / kS8BlockRows,
                      .a = a.data(),
                      .lda = kBlockColumns,
                      .a_block = kTimedRows * kBlockColumns,
                      .b = b.data(),
                      .b_strip = kTimedDepth * kStripWidth,
                      .scales = scales.data(),
                      .c = c.data()});
  });
  if (product.release != nullptr) product.release();
  return best;
}

}  // namespace onecopy::worker::kernels
