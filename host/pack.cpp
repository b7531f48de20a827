#include "host/pack.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "shared/packed_weight.h"

namespace onecopy::host {
namespace {

float widen_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

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

// Four floats in a register: the compiler's own vectors, as a transposition waits for memory and
// gains nothing from wider ones.
using Four = float __attribute__((vector_size(16)));

Four load(const float* from) {
  Four four;
  std::memcpy(&four, from, sizeof(four));
  return four;
}

void store(const Four& four, float* to) { std::memcpy(to, &four, sizeof(four)); }

// 4 rows of 4 floats, `stride` apart, to 4 rows that are a panel's width apart.
void transpose_4x4(const float* source, std::size_t stride, float* out) {
  const Four r0 = load(source);
  const Four r1 = load(source + stride);
  const Four r2 = load(source + 2 * stride);
  const Four r3 = load(source + 3 * stride);
  const Four low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  store(__builtin_shufflevector(low01, low23, 0, 1, 4, 5), out);
  store(__builtin_shufflevector(low01, low23, 2, 3, 6, 7), out + kPanelWidth);
  store(__builtin_shufflevector(high01, high23, 0, 1, 4, 5), out + 2 * kPanelWidth);
  store(__builtin_shufflevector(high01, high23, 2, 3, 6, 7), out + 3 * kPanelWidth);
}

// Columns k .. k + width - 1 of the source, one float at a time: for edges.
void pack_columns(const float* source, std::size_t rows, std::size_t cols, std::size_t k,
                  std::size_t width, float* panel) {
  for (std::size_t i = k; i < k + width; ++i) {
    for (std::size_t n = 0; n < kPanelWidth; ++n)
      panel[i * kPanelWidth + n] = n < rows ? source[n * cols + i] : 0.0F;
  }
}

}  // namespace

void widen(SourceType type, std::span<const std::byte> bytes, std::span<float> out) {
  if (type == SourceType::kF16) return widen_16(bytes, out, widen_f16);
  if (type == SourceType::kBf16) return widen_16(bytes, out, widen_bf16);
  if (bytes.data() != std::as_bytes(out).data())
    std::memcpy(out.data(), bytes.data(), out.size_bytes());
}

void pack_panel(const float* source, std::size_t rows, std::size_t cols, float* panel) {
  // Whole cache lines of the source at a time: rows are often a multiple of 4 KB apart, so that
  // their lines push each other out of the cache before they are used again.
  constexpr std::size_t kLine = 16;
  const std::size_t whole = rows == kPanelWidth ? cols / kLine * kLine : 0;
  for (std::size_t k = 0; k < whole; k += kLine) {
    for (std::size_t n = 0; n < kPanelWidth; n += 4) {
      for (std::size_t i = k; i < k + kLine; i += 4) {
        transpose_4x4(source + n * cols + i, cols, panel + i * kPanelWidth + n);
      }
    }
  }
  pack_columns(source, rows, cols, whole, cols - whole, panel);
}

}  // namespace onecopy::host
