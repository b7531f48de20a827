#include "worker/kernels/back_ends.h"

#include <fmt/format.h>
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "shared/base/limits.h"
#include "worker/kernels/amx_product.h"
#include "worker/kernels/amx_support.h"

namespace onecopy::worker::kernels {
namespace {

// A product as the encoder asks for it, small enough to be timed in a fraction of a millisecond.
constexpr std::size_t kTimedRows = 96;
constexpr std::size_t kTimedDepth = 512;

bool has_wide_vectors() {
  return (hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL)) != 0;
}

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

// Highway's kernels where they have wide vectors with fused multiply-add. On AVX-512 they are 3 to
// 10 % faster than brgemm (bench/gemm_bench); on AVX2 3 % slower, but nothing is compiled in each
// worker and the shapes are free. Elsewhere Highway runs one lane at a time (highway_targets.h), so
// brgemm is tried.
const BlockProduct* choose_f32(std::vector<std::string>& notes) {
  if (has_wide_vectors()) {
    const std::string wrong = self_test(highway_product());
    if (wrong.empty()) return &highway_product();
    notes.push_back(fmt::format("f32: plain loops: highway failed its self-test ({})", wrong));
    return &scalar_product();
  }
  if (brgemm_product() == nullptr) return &highway_product();
  const std::string wrong = self_test(*brgemm_product());
  if (wrong.empty()) {
    notes.emplace_back("f32: brgemm: the machine has no AVX2");
    return brgemm_product();
  }
  notes.push_back(fmt::format("f32: highway: brgemm failed its self-test ({})", wrong));
  return &highway_product();
}

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

// The same product in f32, from a weight that is f32 or widened.
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

// Sets bf16 and its speedup; `f32_seconds`: of the same product in f32.
void choose_bf16(BackEnds& chosen, double f32_seconds) {
  const double widening = seconds_in_f32(*chosen.f32, true);
  chosen.bf16_speedup = f32_seconds / widening;
  const Bf16Product* const product =
      amx_bf16_product() != nullptr ? amx_bf16_product() : dot_bf16_product();
  if (product == nullptr) return;
  if (const std::string wrong = self_test(*product); !wrong.empty()) {
    chosen.notes.push_back(
        fmt::format("bf16: widened to f32: {} failed its self-test ({})", product->name, wrong));
    return;
  }
  const double direct = seconds_of(*product);
  if (direct < widening) {
    chosen.bf16 = product;
    if (product == amx_bf16_product()) chosen.attention = product;
    chosen.bf16_speedup = f32_seconds / direct;
    return;
  }
  chosen.notes.push_back(fmt::format("bf16: widened to f32: {} takes {:.1f} x as long",
                                     product->name, direct / widening));
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

void choose_int8(BackEnds& chosen, double f32_seconds) {
  chosen.int8 = &highway_int8_product();
  if (const std::string wrong = self_test(*chosen.int8); !wrong.empty()) {
    chosen.notes.push_back(
        fmt::format("int8: plain loops: highway failed its self-test ({})", wrong));
    chosen.int8 = &scalar_int8_product();
  }
  double best = seconds_of(*chosen.int8);
  if (const Int8Product* const amx = amx_int8_product()) {
    const std::string wrong = self_test(*amx);
    const double other = wrong.empty() ? seconds_of(*amx) : best;
    if (!wrong.empty()) {
      chosen.notes.push_back(
          fmt::format("int8: {}: amx failed its self-test ({})", chosen.int8->name, wrong));
    }
    if (other < best) {
      chosen.int8 = amx;
      best = other;
    }
  }
  chosen.int8_speedup = f32_seconds / best;
  if (chosen.int8_speedup < limits::kAutoSpeedup) {
    chosen.notes.emplace_back(
        "int8: no faster than f32, at a quarter of its memory: the machine has no AVX-512 VNNI");
  }
}

BackEnds choose() {
  BackEnds chosen;
  chosen.f32 = choose_f32(chosen.notes);
  chosen.any_shape = chosen.f32 == brgemm_product() ? &highway_product() : chosen.f32;
  const double f32_seconds = seconds_in_f32(*chosen.f32, false);
  if (amx_is_refused()) {
    chosen.notes.emplace_back("bf16, int8: without AMX, which the system keeps from this process");
  }
  choose_bf16(chosen, f32_seconds);
  choose_int8(chosen, f32_seconds);
  return chosen;
}

}  // namespace

#ifndef ONECOPY_WITH_TORCH
const BlockProduct* brgemm_product() { return nullptr; }
#endif

const BackEnds& default_back_ends() {
  static const BackEnds chosen = choose();
  return chosen;
}

std::string lacks_for(Precision precision) {
  if (precision == Precision::kF32 || has_wide_vectors()) return {};
  return "AVX2 with fused multiply-add";
}

OperandType operand_type(DType weight, const BackEnds& back_ends) {
  if (weight == DType::kS8) return OperandType::kU8;
  if (weight == DType::kBf16 && back_ends.bf16 != nullptr) return OperandType::kBf16;
  return OperandType::kF32;
}

}  // namespace onecopy::worker::kernels
