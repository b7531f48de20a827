// How a linear layer's weight lies in a segment, shared by the packer (host) and the products
// (worker).
//
//   source, PyTorch's [N, K]:  y[n] = sum over k of x[k] * W[n][k]
//   packed, "panels":          ceil(N / 64) panels one behind the other; panel p holds columns
//                              64 p .. 64 p + 63 of the transposed weight, zeros beyond N and K.
//
// One panel, by element type:
//   f32    [K][64]
//   bf16   [ceil(K / 2)][64][2]          pairs of rows interleaved: the order that VNNI and AMX
//                                        instructions read; rounded to nearest even
//   s8     [16 G][64][4], G = ceil(K / 64) blocks of 64 rows: rows interleaved by fours, then
//          i16 block_sums[G][64]         sum of each column over each block of 64 rows
//          f32 scales[64]                W = scale * s8: the column's largest magnitude / 127
//          i32 sums[64]                  sum of each column over all rows
//          (the block sums take back the 128 that makes signed activations unsigned, the sums a
//          row's low or GELU's offset; see worker/kernels/operand.h)
//
// A panel, or some of its rows, is what one call of a product reads: B[K, 64] with ldb = 64. Panels
// of 64 columns were measured faster than 32 on machines without AMX tiles.
#pragma once

#include <cstddef>
#include <cstdint>

namespace onecopy {

enum class Layout : std::uint32_t {
  kRowMajor = 0,  // [rows, cols] as in the file: embeddings, biases ([1, N]), norms, small heads
  kPanels = 1,    // rows = N, cols = K, packed as above
};

enum class DType : std::uint32_t { kF32 = 0, kBf16 = 1, kS8 = 2 };

inline constexpr std::size_t kPanelWidth = 64;
inline constexpr std::size_t kS8BlockRows = 64;  // rows of a weight that share one block sum

constexpr std::size_t panel_count(std::size_t n) { return (n + kPanelWidth - 1) / kPanelWidth; }
constexpr std::size_t panel_floats(std::size_t k) { return k * kPanelWidth; }

// Where the parts of an s8 panel lie, in bytes from its beginning.
struct S8Panel {
  std::size_t blocks, block_sums, scales, sums, bytes;
};
constexpr S8Panel s8_panel(std::size_t k) {
  const std::size_t blocks = (k + kS8BlockRows - 1) / kS8BlockRows;
  const std::size_t block_sums = blocks * kS8BlockRows * kPanelWidth;
  const std::size_t scales = block_sums + blocks * kPanelWidth * sizeof(std::int16_t);
  const std::size_t sums = scales + kPanelWidth * sizeof(float);
  return {blocks, block_sums, scales, sums, sums + kPanelWidth * sizeof(std::int32_t)};
}

// Bytes of one panel; a multiple of 64.
constexpr std::size_t panel_bytes(DType dtype, std::size_t k) {
  switch (dtype) {
    case DType::kF32:
      return k * kPanelWidth * sizeof(float);
    case DType::kBf16:
      return (k + 1) / 2 * kPanelWidth * 2 * sizeof(std::uint16_t);
    case DType::kS8:
      return s8_panel(k).bytes;
  }
  return 0;
}

// Bytes that a tensor takes in the segment. kS8 exists as panels only.
constexpr std::size_t packed_bytes(Layout layout, DType dtype, std::size_t rows, std::size_t cols) {
  if (layout == Layout::kPanels) return panel_count(rows) * panel_bytes(dtype, cols);
  return rows * cols * (dtype == DType::kF32 ? sizeof(float) : sizeof(std::uint16_t));
}

}  // namespace onecopy
