#include "worker/kernels/back_ends.h"

#include <hwy/highway.h>

#include <optional>
#include <utility>

#include "worker/kernels/choose_back_ends.h"

namespace onecopy::worker::kernels {
namespace {

std::optional<BackEnds>& installed() {
  static std::optional<BackEnds> back_ends;
  return back_ends;
}

}  // namespace

#ifndef ONECOPY_WITH_TORCH
const BlockProduct* brgemm_product() { return nullptr; }
#endif

void use_back_ends(BackEnds chosen) { installed() = std::move(chosen); }

const BackEnds& default_back_ends() {
  static const BackEnds& used =
      installed() ? *installed() : installed().emplace(choose_back_ends());
  return used;
}

std::string_view simd_name() {
  const std::int64_t targets = hwy::SupportedTargets();
  if ((targets & HWY_AVX3_DL) != 0) return "avx512_vnni";
  if ((targets & HWY_AVX3) != 0) return "avx512";
  return (targets & HWY_AVX2) != 0 ? "avx2" : kNoSimd;
}

bool has_wide_vectors() { return simd_name() != kNoSimd; }

const BlockProduct& any_shape_product(const BlockProduct& f32) {
  return &f32 == brgemm_product() ? highway_product() : f32;
}

std::string lacks_for(DType weight) {
  if (weight == DType::kF32 || has_wide_vectors()) return {};
  return "AVX2 with fused multiply-add";
}

OperandType operand_type(DType weight, const BackEnds& back_ends) {
  if (weight == DType::kS8) return OperandType::kU8;
  if (weight == DType::kBf16 && back_ends.bf16 != nullptr) return OperandType::kBf16;
  return OperandType::kF32;
}

}  // namespace onecopy::worker::kernels
