// Between linear.cpp, which cuts products into items and shares them out, and the files that
// compute an item: one for each element type of the weights.
#pragma once

#include <cstddef>

#include "worker/kernels/back_ends.h"
#include "worker/kernels/linear.h"

namespace onecopy::worker::kernels {

// Rows of one item at most: A's 128 columns (192 KB of f32) stay in the L2 cache beside the panel.
inline constexpr std::size_t kMostRows = 384;
// Rows [first, last) of neighbouring panels of one product.
struct Item {
  const Linear* call = nullptr;
  std::size_t panel = 0;
  std::size_t panels = 1;
  std::size_t first = 0, last = 0;
  const std::byte* next =
      nullptr;  // the panel that the same thread will probably take next, or null

  std::size_t rows() const { return last - first; }
};

inline const std::byte* panel_of(const TensorView& weight, std::size_t panel) {
  return weight.bytes.data() + panel * panel_bytes(weight.dtype, weight.cols);
}

// Columns of the result that a panel has.
inline std::size_t columns_of(const TensorView& weight, std::size_t panel) {
  return weight.rows - panel * kPanelWidth < kPanelWidth ? weight.rows - panel * kPanelWidth
                                                         : kPanelWidth;
}

// What is brought near while something else is computed.
struct Ahead {
  const std::byte* begin = nullptr;  // null: nothing
  std::size_t bytes = 0;

  // What to fetch during part [first, first + count) of `total`; whole cache lines.
  Ahead share(std::size_t first, std::size_t count, std::size_t total) const {
    if (begin == nullptr) return {};
    const auto at = [&](std::size_t part) { return bytes * part / total / 64 * 64; };
    return {begin + at(first), at(first + count) - at(first)};
  }
};

// The same with where the result goes: the rows from `row` on of y's block, f32 or bf16.
inline Finish finish_to(const Operand& y, std::size_t row, std::size_t block, Finish finish) {
  std::byte* const to = y.at(row, block);
  if (y.type == OperandType::kF32) {
    finish.to = reinterpret_cast<float*>(to);
  } else {
    finish.to_bf16 = reinterpret_cast<std::uint16_t*>(to);
  }
  finish.stride = y.row_stride / element_bytes(y.type);
  finish.half = y.half_stride / sizeof(std::uint16_t);
  return finish;
}

// f32 weights, and bf16 ones that are widened.
void multiply_f32_item(const Item& item, const BackEnds& back_ends);
void multiply_bf16_item(const Item& item, const Bf16Product& product);
void multiply_int8_item(const Item& item, const Int8Product& product);

}  // namespace onecopy::worker::kernels
