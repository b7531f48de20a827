// Activations in the form in which the products of a precision read them.
//
//   f32    as they are: for f32 weights, and for bf16 weights where the machine multiplies those
//          fastest by widening them
//   bf16   for instructions that multiply bf16; the last block of columns is filled up with zeros.
//          For products a block is 32 columns of all rows, then the other 32, so that a tile has no
//          gaps (bf16_tiles): 5 to 8 % faster than rows of 64. Attention's queries, keys and values
//          are rows of 64 (bf16_rows)
//   u8     in one of three forms:
//
//   form      scale for                     x =                   made by
//   kRow      each row                      scale * q + low       norms: the row is whole by then
//   kSigned   each row and `together`       scale * (q - 128)     attention: other heads come later
//             blocks of 64 columns
//   kShifted  likewise                      scale * q - offset    the feed-forward's activation
//
// All lie in blocks of 64 columns, rows one after the other in each (activations.h). Products may
// read bf16 and u8 up to a multiple of kRowsRead rows, whatever is there: memory for them goes on
// for kSlackFloats.
//
// The output of GELU is never below -0.17: with that as its offset, no half of the 255 steps is
// left for values that do not occur. A scale that is infinite or NaN stands for a row with such a
// value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/kernels/activations.h"

namespace onecopy::worker::kernels {

enum class OperandType { kF32, kBf16, kU8 };
enum class U8Form { kRow, kSigned, kShifted };

constexpr std::size_t element_bytes(OperandType type) {
  return type == OperandType::kF32    ? sizeof(float)
         : type == OperandType::kBf16 ? sizeof(std::uint16_t)
                                      : sizeof(std::uint8_t);
}

// Where GELU's outputs begin: its minimum is -0.16997, -0.17004 for the tanh form.
inline constexpr float kGeluOffset = 0.1701F;

struct Operand {
  static constexpr std::size_t kSlackFloats =
      kRowsRead * kBlockColumns * sizeof(std::uint16_t) / sizeof(float);

  OperandType type = OperandType::kF32;
  std::byte* data = nullptr;
  // Bytes from a row to the next, and from a block of 64 columns to the next.
  std::size_t row_stride = 0;
  std::size_t block_stride = 0;
  // kBf16: from a block's first 32 columns to the others.
  std::size_t half_stride = 0;
  // kU8: the scale of row r and block b is scales[b / together * scale_stride + r].
  U8Form form = U8Form::kRow;
  float* scales = nullptr;
  std::size_t together = 1;  // blocks
  std::size_t scale_stride = 0;
  float* lows = nullptr;  // kRow: one for each row; else null
  float offset = 0;       // kShifted; else 0

  static Operand of(Activations x) {
    return {.type = OperandType::kF32,
            .data = reinterpret_cast<std::byte*>(x.data),
            .row_stride = x.row_stride * sizeof(float),
            .block_stride = x.block_stride * sizeof(float)};
  }
  static Operand bf16_tiles(void* data, std::size_t rows) {
    constexpr std::size_t kRow = kTileColumns * sizeof(std::uint16_t);
    return {.type = OperandType::kBf16,
            .data = static_cast<std::byte*>(data),
            .row_stride = kRow,
            .block_stride = 2 * rows * kRow,
            .half_stride = rows * kRow};
  }
  static Operand bf16_rows(void* data, std::size_t rows) {
    constexpr std::size_t kRow = kBlockColumns * sizeof(std::uint16_t);
    return {.type = OperandType::kBf16,
            .data = static_cast<std::byte*>(data),
            .row_stride = kRow,
            .block_stride = rows * kRow,
            .half_stride = kRow / 2};
  }
  // kRow. `scales` holds 2 * rows floats, the lows behind the scales.
  static Operand u8_rows(void* data, float* scales, std::size_t rows) {
    Operand operand = u8(data, scales, rows, SIZE_MAX);
    operand.lows = scales + rows;
    return operand;
  }
  static Operand u8_signed(void* data, float* scales, std::size_t rows, std::size_t together) {
    Operand operand = u8(data, scales, rows, together);
    operand.form = U8Form::kSigned;
    return operand;
  }
  static Operand u8_shifted(void* data, float* scales, std::size_t rows, std::size_t together,
                            float offset) {
    Operand operand = u8(data, scales, rows, together);
    operand.form = U8Form::kShifted;
    operand.offset = offset;
    return operand;
  }
  static constexpr std::size_t blocks(std::size_t columns) {
    return (columns + kBlockColumns - 1) / kBlockColumns;
  }
  // Bytes of the data and number of the scales.
  static constexpr std::size_t u8_bytes(std::size_t rows, std::size_t columns) {
    return blocks(columns) * kBlockColumns * rows;
  }
  static constexpr std::size_t u8_scales(std::size_t rows, std::size_t columns,
                                         std::size_t together) {
    return ((blocks(columns) - 1) / together + 1) * rows;
  }

  // Precondition: kF32.
  Activations floats() const {
    return {reinterpret_cast<float*>(data), row_stride / sizeof(float),
            block_stride / sizeof(float)};
  }
  std::byte* at(std::size_t row, std::size_t block) const {
    return data + block * block_stride + row * row_stride;
  }
  // Precondition: kBf16.
  std::uint16_t* bf16_at(std::size_t row, std::size_t column) const {
    std::byte* const half =
        at(row, column / kBlockColumns) + column % kBlockColumns / kTileColumns * half_stride;
    return reinterpret_cast<std::uint16_t*>(half) + column % kTileColumns;
  }
  float& scale(std::size_t row, std::size_t block) const {
    return scales[block / together * scale_stride + row];
  }

  static Operand u8(void* data, float* scales, std::size_t rows, std::size_t together) {
    return {.type = OperandType::kU8,
            .data = static_cast<std::byte*>(data),
            .row_stride = kBlockColumns,
            .block_stride = rows * kBlockColumns,
            .scales = scales,
            .together = together,
            .scale_stride = rows};
  }
};

}  // namespace onecopy::worker::kernels
