// Between the element types of the files, f32, and bf16.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host/safetensors.h"

namespace onecopy::host {

// Exact widening of f32, f16 or bf16 elements, as many as `out` has; infinities and NaNs stay what
// they are. `bytes` may overlap `out` only when both start at the same place and the type is f32.
void widen(SourceType type, std::span<const std::byte> bytes, std::span<float> out);

// To the nearest bf16, to the even one where two are as near; what is too large becomes infinite,
// and a NaN stays one. Without branches, so that loops over it vectorize.
inline std::uint16_t narrow_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16;
  const std::uint32_t quiet_nan = bits >> 16 | 0x40U;
  return static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet_nan : rounded);
}

}  // namespace onecopy::host
