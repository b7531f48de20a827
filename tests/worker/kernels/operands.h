// Activations of any type for tests of what reads and writes them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "shared/base/bf16.h"
#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/amx_product.h"
#include "worker/kernels/back_ends.h"
#include "worker/kernels/operand.h"
#include "worker/kernels/quantize.h"

namespace onecopy::worker::kernels {

// u8 with a scale and a low for each row, instead of one for so many blocks.
inline constexpr std::size_t kWholeRow = SIZE_MAX;

// Class OwnedOperand: an operand and its memory, full of other values until it is written. u8 with
// scales for blocks is of both signs unless the test says otherwise.
class OwnedOperand {
 public:
  // bf16 as products read it, or, `as_rows`, as attention does.
  OwnedOperand(OperandType type, std::size_t rows, std::size_t columns, std::size_t together = 1,
               bool as_rows = false)
      : rows_(rows), columns_(columns) {
    float* data = memory_.reserve(Activations::floats(rows, columns) + Operand::kSlackFloats);
    std::memset(data, 0xA5, memory_.bytes());
    const std::size_t count = 2 * rows + Operand::u8_scales(rows, columns, together);
    float* scales = scales_.reserve(count);
    std::fill_n(scales, count, 1e30F);
    if (type == OperandType::kF32) operand_ = Operand::of(Activations::blocked(data, rows));
    if (type == OperandType::kBf16) {
      operand_ = as_rows ? Operand::bf16_rows(data, rows) : Operand::bf16_tiles(data, rows);
    }
    if (type == OperandType::kU8) {
      operand_ = together == kWholeRow ? Operand::u8_rows(data, scales, rows)
                                       : Operand::u8_signed(data, scales, rows, together);
    }
  }

  const Operand& operand() const { return operand_; }
  Operand& operand() { return operand_; }

  // Rounds the values, [rows, columns], into the operand.
  void write(std::vector<float> values) {
    Activations x = Activations::row_major(values.data(), columns_);
    if (operand_.type == OperandType::kF32) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        *operand_.floats().at(i / columns_, i % columns_) = values[i];
      }
      return;
    }
    const std::size_t blocks = Operand::blocks(columns_);
    const std::size_t step =
        operand_.type == OperandType::kBf16 ? blocks : std::min(blocks, operand_.together);
    for (std::size_t block = 0; block < blocks; block += step, x.data += step * kBlockColumns) {
      const std::size_t columns = columns_ - block * kBlockColumns;
      quantize_scalar(x, std::min(step * kBlockColumns, columns), operand_, block, 0, rows_);
    }
  }

  // What it holds, [rows, columns].
  std::vector<float> read() const {
    std::vector<float> values;
    for (std::size_t row = 0; row < rows_; ++row) {
      for (std::size_t column = 0; column < columns_; ++column) {
        values.push_back(value(row, column));
      }
    }
    return values;
  }

  // Half of what lies between neighbouring values there: how much rounding may change one.
  double rounding(std::size_t row, std::size_t column) const {
    if (operand_.type == OperandType::kF32) return 0;
    if (operand_.type == OperandType::kBf16) return std::abs(value(row, column)) / 256;
    return 0.5001 * static_cast<double>(operand_.scale(row, column / kBlockColumns));
  }

 private:
  float value(std::size_t row, std::size_t column) const {
    if (operand_.type == OperandType::kF32) return *operand_.floats().at(row, column);
    if (operand_.type == OperandType::kBf16) return widen_bf16(*operand_.bf16_at(row, column));
    const std::byte* block = operand_.at(row, column / kBlockColumns);
    const int q = std::to_integer<int>(block[column % kBlockColumns]);
    const int zero_point = operand_.form == U8Form::kSigned ? 128 : 0;
    const float low = operand_.lows == nullptr ? 0 : operand_.lows[row];
    return operand_.scale(row, column / kBlockColumns) * static_cast<float>(q - zero_point) -
           operand_.offset + low;
  }

  std::size_t rows_, columns_;
  AlignedBuffer memory_, scales_;
  Operand operand_;
};

// A type of weights and what multiplies it: every way that this build and machine have.
struct Way {
  const char* name;
  DType weight;
  BackEnds back_ends;
};

inline std::vector<Way> all_ways() {
  BackEnds portable;
  portable.f32 = portable.any_shape = &highway_product();
  portable.int8 = &highway_int8_product();
  BackEnds plain = portable;
  plain.bf16 = &scalar_bf16_product();
  std::vector<Way> ways{{"f32", DType::kF32, portable},
                        {"bf16, widened", DType::kBf16, portable},
                        {"bf16, plain loops", DType::kBf16, plain},
                        {"int8", DType::kS8, portable}};
  BackEnds other = portable;
  other.bf16 = dot_bf16_product();
  if (other.bf16 != nullptr) ways.push_back({"bf16, AVX512_BF16", DType::kBf16, other});
  if (amx_bf16_product() != nullptr) {
    other.bf16 = amx_bf16_product();
    other.int8 = amx_int8_product();
    ways.push_back({"bf16, AMX", DType::kBf16, other});
    ways.push_back({"int8, AMX", DType::kS8, other});
  }
  return ways;
}

}  // namespace onecopy::worker::kernels
