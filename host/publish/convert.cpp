#include "host/publish/convert.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "shared/base/bf16.h"

namespace onecopy::host {
namespace {

// Moves exponent and mantissa into place and lets a multiplication correct the exponent's bias,
// which also normalizes subnormals; infinity and NaN need their exponent set. Without branches, so
// that it vectorizes.
float widen_f16(std::uint16_t bits) {
  const std::uint32_t magnitude = bits & 0x7fffU;
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const auto scaled =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112F);
  const std::uint32_t special = magnitude >= 0x7c00U ? 0x7f800000U : 0U;
  return std::bit_cast<float>(sign | scaled | special);
}

template <class Convert>
void widen_16(std::span<const std::byte> bytes, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    out[i] = convert(bits);
  }
}

}  // namespace

void widen(SourceType type, std::span<const std::byte> bytes, std::span<float> out) {
  if (type == SourceType::kF16) return widen_16(bytes, out, widen_f16);
  if (type == SourceType::kBf16) return widen_16(bytes, out, widen_bf16);
  if (bytes.data() != std::as_bytes(out).data())
    std::memcpy(out.data(), bytes.data(), out.size_bytes());
}

}  // namespace onecopy::host
