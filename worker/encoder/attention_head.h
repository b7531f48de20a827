// One head of one sequence, between attention.cpp, which shares heads out over the threads, and the
// three files that compute one.
#pragma once

#include <algorithm>
#include <cstddef>

#include "worker/kernels/bf16_product.h"
#include "worker/kernels/i16_attention.h"
#include "worker/kernels/operand.h"

namespace onecopy::worker {

// Tokens [first, first + length) of keys and values; the head's columns [column, column + size).
struct Head {
  kernels::Operand query, key, value;
  std::size_t first = 0, length = 0, column = 0, size = 0;
  const kernels::Bf16Product* product = nullptr;  // Bf16Head's
};

// body(column of the head, count) for the stretches of the head's columns that are contiguous in a
// row: one where heads do not cross a block's end.
template <class Body>
void for_stretches(const Head& head, const Body& body) {
  for (std::size_t done = 0; done < head.size;) {
    const std::size_t room = kernels::kBlockColumns - (head.column + done) % kernels::kBlockColumns;
    const std::size_t count = std::min(room, head.size - done);
    body(done, count);
    done += count;
  }
}

using kernels::round_up;

// 16-bit values in floats, at a multiple of 64 bytes.
constexpr std::size_t as_floats(std::size_t values) { return round_up(values / 2, 16); }

// Class ...Head: keys and values of one head, packed once, and the context of its queries. Borrows
// its memory: floats(length, size) of them, 64-byte aligned. One thread.
class F32Head {
 public:
  static constexpr std::size_t kQueries = 48;  // x 512 floats of scores are 96 KB
  static std::size_t floats(std::size_t length, std::size_t size);
  F32Head(const Head& head, float* memory);
  // Rows [query, query + rows) of the queries, at most kQueries: their context goes to the head's
  // columns of `to`, from row 0 on.
  void attend(std::size_t query, std::size_t rows, kernels::Activations to);

 private:
  void multiply_scores(std::size_t query, std::size_t rows) const;
  void multiply_values(std::size_t rows, kernels::Activations to) const;

  const Head& head_;
  const std::size_t stride_;
  float* const keys_;    // ceil(length / 64) panels [size][64], scaled: the right side of Q K^T
  float* const scores_;  // [kQueries][stride]
};

class I16Head {
 public:
  static constexpr std::size_t kQueries = 48;
  static std::size_t floats(std::size_t length, std::size_t size);
  I16Head(const Head& head, float* memory);
  void attend(std::size_t query, std::size_t rows, kernels::Activations to);

 private:
  kernels::Columns part_of(const kernels::Activations& x, std::size_t first, std::size_t rows,
                           std::size_t column, std::size_t count) const;
  void round(const kernels::Activations& x, std::size_t first, std::size_t rows,
             const float* factors) const;
  void pack_keys();
  void pack_values();
  void round_queries(std::size_t query, std::size_t rows, float* factors);
  void multiply_scores(std::size_t rows) const;
  void multiply_values(std::size_t rows, const float* inverse_sums, kernels::Activations to) const;

  const Head& head_;
  const std::size_t stride_;       // of scores, in floats
  const std::size_t pair_stride_;  // of a rounded row of queries or keys
  float* const scores_;            // [kQueries][stride]
  std::int16_t* const powers_;     // [kQueries][stride]
  std::int16_t* const queries_;    // [64][pair_stride], of keys while they are packed
  std::int16_t* const keys_;       // panels of 64 keys, [pair_stride / 2][64][2] each
  std::int16_t* const values_;     // for each stretch of columns [keys / 2][64][2]
  float* const value_scales_;      // [size]
  float key_scale_ = 0;
};

// Queries, keys and values are bf16, as are the powers; sums are f32. For machines whose products
// of bf16 leave those of 16-bit integers behind.
class Bf16Head {
 public:
  static constexpr std::size_t kQueries = 32;  // two tiles
  static std::size_t floats(std::size_t length, std::size_t size);
  Bf16Head(const Head& head, float* memory);
  void attend(std::size_t query, std::size_t rows, kernels::Activations to);

 private:
  struct HeadRows {
    const std::uint16_t* data;
    std::size_t stride;
  };
  HeadRows rows_of(const kernels::Operand& x, std::size_t first, std::size_t rows);
  void multiply_scores(const HeadRows& queries, std::size_t rows) const;
  void multiply_values(std::size_t rows) const;

  const Head& head_;
  const std::size_t stride_;     // of scores and powers
  const std::size_t depth_;      // size, filled up with zeros to whole tiles
  const std::size_t key_depth_;  // length, likewise
  float* const scores_;          // [kQueries][stride]
  float* const sums_;            // [kQueries][size, in blocks of 64]
  std::uint16_t* const powers_;  // [kQueries][stride]
  // [kQueries or length][depth]: queries; keys, then values, to be packed
  std::uint16_t* const rows_;
  std::uint16_t* const keys_;    // strips of 16 keys, [depth / 2][16][2]
  std::uint16_t* const values_;  // strips of 16 columns, [key_depth / 2][16][2]
};

}  // namespace onecopy::worker
