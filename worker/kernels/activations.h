// How the encoder's activations lie in memory: in blocks of 64 columns, rows one after the other in
// each.
//
//   element (r, c)  at  data[(c / 64) * block_stride + r * row_stride + c % 64]
//
//   blocked:    row_stride 64, block_stride rows * 64       what the products read and write
//   row-major:  row_stride the width, block_stride 64       the same formula; what leaves the
//   encoder
//
// Why blocked: a product reads 128 columns of all rows before the next 128. Row-major, those lie 3
// to 16 KB apart: a page each, and in a few sets of the L1 cache. Measured with 384 rows on one
// AVX-512 core: 1024 -> 4096 columns 174 instead of 181 GFLOP/s, 4096 -> 1024 172 instead of 181.
// Why 64: a block is what one panel of a weight produces, so a thread that computes a panel writes
// pages of its own. Where two threads wrote alternate 256 bytes of the same pages, prefetching
// pulled the lines back and forth: 299 instead of 324 GFLOP/s with two threads.
#pragma once

#include <array>
#include <cstddef>

namespace onecopy::worker::kernels {

constexpr std::size_t round_up(std::size_t value, std::size_t to) {
  return (value + to - 1) / to * to;
}

inline constexpr std::size_t kBlockColumns = 64;
// Factors of a block's columns where there are none.
inline constexpr auto kOnes = [] {
  std::array<float, kBlockColumns> ones{};
  ones.fill(1);
  return ones;
}();
// Rows that are multiplied and finished at a time, by vector instructions: their 64 columns of f32
// results (24 KB) stay in the nearest caches.
inline constexpr std::size_t kRowBlock = 96;
// Columns of bf16 in a row of a tile (amx_product.h).
inline constexpr std::size_t kTileColumns = 32;
// Products of lower precision read rows up to a multiple of this: whole tiles (amx_product.h).
inline constexpr std::size_t kRowsRead = 16;

struct Activations {
  float* data = nullptr;
  std::size_t row_stride = 0;
  std::size_t block_stride = 0;

  static Activations blocked(float* data, std::size_t rows) {
    return {data, kBlockColumns, rows * kBlockColumns};
  }
  static Activations row_major(float* data, std::size_t columns) {
    return {data, columns, kBlockColumns};
  }
  // Floats that a blocked matrix takes.
  static constexpr std::size_t floats(std::size_t rows, std::size_t columns) {
    return round_up(columns, kBlockColumns) * rows;
  }
  // The same from this row on.
  Activations from_row(std::size_t row) const {
    return {data + row * row_stride, row_stride, block_stride};
  }
  // Contiguous up to the end of column's block.
  float* at(std::size_t row, std::size_t column) const {
    return data + column / kBlockColumns * block_stride + row * row_stride + column % kBlockColumns;
  }
};

}  // namespace onecopy::worker::kernels
