// bf16: the upper half of an f32.
#pragma once

#include <bit>
#include <cstdint>

namespace onecopy {

// To the nearest, to the even one where two are as near; what is too large becomes infinite, and a
// NaN stays one. Without branches, so that loops over it vectorize.
inline std::uint16_t narrow_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  const std::uint32_t quiet_nan = bits >> 16 | 0x40U;
  return static_cast<std::uint16_t>((bits & 0x7FFFFFFFU) > 0x7F800000U ? quiet_nan : rounded);
}

inline float widen_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace onecopy
