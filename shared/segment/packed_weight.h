// How a linear layer's weight lies in a segment, shared by the packer (host) and the products
// (worker).
//
//   source, PyTorch's [N, K]:  y[n] = sum over k of x[k] * W[n][k]
//   packed, "panels":          ceil(N / 64) panels one behind the other; panel p holds columns
//                              64 p .. 64 p + 63 of the transposed weight, zeros beyond N and K.
//
// One panel, by element type; G = ceil(K / 64):
//   f32    [K][64]
//   bf16   [4][32 G][16][2]              rounded to nearest even
//   s8     [4][16 G][16][4], then
//          i16 block_sums[G][64]         sum of each column over each block of 64 rows
//          f32 scales[64]                W = scale * s8: the column's largest magnitude / 127
//          i32 sums[64]                  sum of each column over all rows
//          (the block sums take back the 128 that makes signed activations unsigned, the sums a
//          row's low or GELU's offset; see worker/kernels/operand.h)
//
// bf16 and s8 lie in four strips of 16 columns, two or four rows interleaved: the order in which
// VNNI and AMX read them. 16 words of a strip are one tile of AMX, 1 KB without a gap: where tiles
// lay in rows of 64 columns, half of the L1 cache's sets held all of them, and products ran at 3.5
// instead of 5 TOP/s.
#pragma once

#include <cstddef>
#include <cstdint>

namespace onecopy {

enum class Layout : std::uint32_t {
  kRowMajor = 0,  // as in the file; any type and rank: tables, biases ([1, N]), norms
  kPanels = 1,    // rows = N, cols = K, packed as above
};

enum class DType : std::uint32_t {
  kF32 = 0,
  kBf16 = 1,
  kS8 = 2,
  // The rest is row-major only: what modules and stored contexts need beside weights.
  kF64 = 3,
  kF16 = 4,
  kU8 = 5,
  kS16 = 6,
  kS32 = 7,
  kS64 = 8,
  kBool = 9,  // a byte, 0 or 1
};
inline constexpr std::uint32_t kDTypes = 10;

constexpr bool packs_in_panels(DType dtype) { return dtype <= DType::kS8; }

// Bytes of one row-major element.
constexpr std::size_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kS64:
      return 8;
    case DType::kF32:
    case DType::kS32:
      return 4;
    case DType::kBf16:
    case DType::kF16:
    case DType::kS16:
      return 2;
    case DType::kS8:
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

inline constexpr std::size_t kPanelWidth = 64;
inline constexpr std::size_t kStripWidth = 16;
inline constexpr std::size_t kS8BlockRows = 64;  // rows of a weight that share one block sum

constexpr std::size_t panel_count(std::size_t n) { return (n + kPanelWidth - 1) / kPanelWidth; }
constexpr std::size_t panel_floats(std::size_t k) { return k * kPanelWidth; }

// Blocks of 64 rows; the last one is filled up with zeros.
constexpr std::size_t row_blocks(std::size_t k) { return (k + kS8BlockRows - 1) / kS8BlockRows; }

// Rows that lie beside each other in one 32-bit word.
constexpr std::size_t rows_in_word(DType dtype) {
  return dtype == DType::kS8 ? 4 : dtype == DType::kBf16 ? 2 : 1;
}

// Words, and bytes, of a strip of bf16 or s8.
constexpr std::size_t strip_words(DType dtype, std::size_t k) {
  return row_blocks(k) * kS8BlockRows / rows_in_word(dtype) * kStripWidth;
}
constexpr std::size_t strip_bytes(DType dtype, std::size_t k) { return 4 * strip_words(dtype, k); }

// The index, counted in elements, of row k and column n in a panel of `cols` rows.
constexpr std::size_t panel_index(DType dtype, std::size_t cols, std::size_t k, std::size_t n) {
  if (dtype == DType::kF32) return k * kPanelWidth + n;
  const std::size_t group = rows_in_word(dtype);
  const std::size_t word =
      n / kStripWidth * strip_words(dtype, cols) + k / group * kStripWidth + n % kStripWidth;
  return word * group + k % group;
}

// Where the parts of an s8 panel lie, in bytes from its beginning.
struct S8Panel {
  std::size_t blocks, block_sums, scales, sums, bytes;
};
constexpr S8Panel s8_panel(std::size_t k) {
  const std::size_t blocks = row_blocks(k);
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
      return kPanelWidth / kStripWidth * strip_bytes(dtype, k);
    case DType::kS8:
      return s8_panel(k).bytes;
    default:
      return 0;  // see packs_in_panels
  }
}

// Bytes that a tensor of two dimensions takes in the segment.
constexpr std::size_t packed_bytes(Layout layout, DType dtype, std::size_t rows, std::size_t cols) {
  if (layout == Layout::kPanels) return panel_count(rows) * panel_bytes(dtype, cols);
  return rows * cols * dtype_bytes(dtype);
}

}  // namespace onecopy
