// bf16: the upper half of an f32.
#pragma once

#include <bit>
#include <cstdint>

namespace onecopy::worker::kernels {

// To nearest even, by adding half a step, one less where the last kept bit is 0; a NaN stays one.
[[gnu::always_inline]] inline std::uint16_t round_to_bf16(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  const std::uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return static_cast<std::uint16_t>(is_nan ? bits >> 16 | 0x40U : rounded);
}

inline float widen_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace onecopy::worker::kernels
