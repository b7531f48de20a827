// One head of one sequence, between attention.cpp, which shares heads out over the threads, and the
// two files that compute one.
#pragma once

#include <algorithm>
#include <cstddef>

#include "worker/kernels/activations.h"
#include "worker/kernels/i16_product.h"

namespace onecopy::worker {

// Rows of scores at a time: 48 x 512 floats are 96 KB.
inline constexpr std::size_t kQueries = 48;

// Tokens [first, first + length) of keys and values; the head's columns [column, column + size).
struct Head {
  kernels::Activations query, key, value;
  std::size_t first = 0, length = 0, column = 0, size = 0;
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

// Class ...Head: keys and values of one head, packed once, and the context of its queries. Borrows
// its memory: floats(length, size) of them, 64-byte aligned. One thread.
class F32Head {
 public:
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

}  // namespace onecopy::worker
