// Between linear.cpp, which cuts products into items and shares them out, and the files that
// compute an item: one for each element type of the weights.
#pragma once

#include <cstddef>

#include "worker/kernels/back_ends.h"
#include "worker/kernels/linear.h"

namespace onecopy::worker::kernels {

// Rows of one item at most: A's 128 columns (192 KB of f32) stay in the L2 cache beside the panel.
inline constexpr std::size_t kMostRows = 384;
// Rows that are multiplied and finished while their 64 columns of C (24 KB) are in the nearest
// caches.
inline constexpr std::size_t kRowBlock = 96;

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

// What a row block prefetches: its share of the piece of `bytes` at `next`.
struct Share {
  const std::byte* begin = nullptr;
  std::size_t bytes = 0;
};
inline Share share_of(const Item& item, const std::byte* next, std::size_t bytes, std::size_t row,
                      std::size_t rows) {
  if (next == nullptr) return {};
  return {next + bytes * (row - item.first) / item.rows() / 64 * 64, bytes * rows / item.rows()};
}

// f32 weights, and bf16 ones that are widened.
void multiply_f32_item(const Item& item, const BackEnds& back_ends);
void multiply_bf16_item(const Item& item, const Bf16Product& product);
void multiply_int8_item(const Item& item, const Int8Product& product);

}  // namespace onecopy::worker::kernels
