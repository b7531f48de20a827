#include "worker/kernels/choose_back_ends.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "shared/base/limits.h"
#include "worker/kernels/amx_product.h"
#include "worker/kernels/amx_support.h"
#include "worker/kernels/product_times.h"

namespace onecopy::worker::kernels {
namespace {

// A speedup as it can be written down (back_ends_text.h).
double hundredths(double speedup) { return std::round(speedup * 100) / 100; }

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

}  // namespace

BackEnds choose_back_ends() {
  BackEnds chosen;
  chosen.f32 = choose_f32(chosen.notes);
  chosen.any_shape = &any_shape_product(*chosen.f32);
  const double f32_seconds = seconds_in_f32(*chosen.f32, false);
  if (amx_is_refused()) {
    chosen.notes.emplace_back("bf16, int8: without AMX, which the system keeps from this process");
  }
  choose_bf16(chosen, f32_seconds);
  choose_int8(chosen, f32_seconds);
  chosen.bf16_speedup = hundredths(chosen.bf16_speedup);
  chosen.int8_speedup = hundredths(chosen.int8_speedup);
  return chosen;
}

}  // namespace onecopy::worker::kernels
