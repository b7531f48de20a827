// One block of an int8 product: C[m, 64] (+)= scale (A - zero point) B, A unsigned 8-bit values of
// the activations (operand.h), B a piece of a weight's s8 panel (shared/packed_weight.h).
//
// Why A is unsigned: the instructions multiply unsigned by signed bytes. Signed activations have
// 128 added, the zero point; what that adds to a sum, 128 times the column's sum of B, is known
// since the weight was packed and is where a sum starts from. A row's low and GELU's offset are the
// same for all of k: linear_int8.cpp adds what they bring at the end.
//
// Why scales per block: the largest value of a token's row of 3072 is known only after the last one
// was computed. With a scale for each token and some hundred columns, what computes those quantizes
// them while they are near, and an outlier costs only its neighbours their resolution. A norm has
// its whole row at hand: one scale, so all of k is summed in integers, kInt8Blocks at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "shared/segment/packed_weight.h"
#include "worker/kernels/activations.h"
#include "worker/kernels/epilogue.h"

namespace onecopy::worker::kernels {

// Blocks of 64 rows of B in one call, and so with one scale, of vector instructions: 32 KB of B
// stay in the L1 cache, and the sums, below 512 * 255 * 127 < 2^24, are exact as floats.
inline constexpr std::size_t kInt8Blocks = 8;

struct Int8Args {
  std::size_t m = 0;
  std::size_t blocks = 0;  // 1 to the product's most_blocks
  // Row r of block i: 64 bytes at a + i * a_block + r * lda. Can be read up to a multiple of 16
  // rows, whatever is there: tiles are read whole.
  const std::uint8_t* a = nullptr;
  std::size_t lda = 0;
  std::size_t a_block = 0;
  // Four strips [16 * blocks][16][4], b_strip bytes apart.
  const std::int8_t* b = nullptr;
  std::size_t b_strip = 0;
  const std::int16_t* block_sums = nullptr;  // [blocks][64]; null: the zero point is 0, else 128
  // Row r's scale in the first `together` blocks: scales[r]; in the next as many, next_scales
  // floats further.
  const float* scales = nullptr;
  std::size_t together = SIZE_MAX;
  std::size_t next_scales = 0;
  float* c = nullptr;  // [m, 64] in units of the weight's scales
  bool add = false;
  // What becomes of C, row 0 first, which is then only scratch; null: nothing.
  const Finish* finish = nullptr;
  // What the caller reads next, or null: brought into the L2 cache.
  const std::byte* next = nullptr;
  std::size_t next_bytes = 0;
};

// A way of computing blocks. A row's values do not depend on m.
struct Int8Product {
  const char* name;
  void (*multiply)(const Int8Args&);
  void (*release)();      // once per thread at the end of a region; may be null
  std::size_t tile_rows;  // rows are best cut at multiples of this
  std::size_t row_block;  // rows of one call
  std::size_t most_blocks;
};

// Portable; with AVX-512 VNNI where the machine has it.
const Int8Product& highway_int8_product();
// Plain loops: the twin that the others are tested against.
const Int8Product& scalar_int8_product();

// Empty when the product agrees with the twin, else what went wrong. Catches what it throws.
std::string self_test(const Int8Product& product);

}  // namespace onecopy::worker::kernels
