// One block of a bf16 product with f32 sums: C[m, n] (+)= A[m, k] B[k, n]. B is a piece of a
// weight's bf16 panel (shared/packed_weight.h), or keys or values that attention packed in the same
// order.
//
// Three ways: AMX, AVX512_BF16, or B widened to f32 in a buffer of 32 KB and multiplied as f32.
// Which is fastest differs: an Intel Granite Rapids multiplies bf16 sixteen times as fast as f32
// with AMX, an AMD Zen 5 twice as fast with AVX512_BF16, an Intel Sapphire Rapids whose AMX is
// switched off at a third. back_ends.h measures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "worker/kernels/activations.h"
#include "worker/kernels/epilogue.h"

namespace onecopy::worker::kernels {

// A's rows and B's strips go on with zeros up to a multiple of this depth, and A can be read up to
// a multiple of 16 rows, whatever is there: tiles are read whole.
inline constexpr std::size_t kBf16Depth = kTileColumns;

struct Bf16Args {
  std::size_t m = 0;
  std::size_t n = 0;  // C is written up to the next multiple of 16
  std::size_t k = 0;
  // [m, k]: rows lda elements apart, in stretches of 32 columns that are a_block apart.
  const std::uint16_t* a = nullptr;
  std::size_t lda = 0;
  std::size_t a_block = kBf16Depth;
  // Strips of 16 columns, [k / 2][16][2], b_strip elements apart.
  const std::uint16_t* b = nullptr;
  std::size_t b_strip = 0;
  float* c = nullptr;  // rows ldc floats apart
  std::size_t ldc = 0;
  bool add = false;
  // What becomes of C, row 0 first, which is then only scratch, with n and ldc 64; null: nothing.
  const Finish* finish = nullptr;
  // What the caller reads next, or null: brought into the L2 cache.
  const std::byte* next = nullptr;
  std::size_t next_bytes = 0;
};

struct Bf16Product {
  const char* name;
  void (*multiply)(const Bf16Args&);
  void (*release)();      // once per thread at the end of a region; may be null
  std::size_t tile_rows;  // rows are best cut at multiples of this
  std::size_t row_block;  // rows of one call
};

// AVX512_BF16; null where the machine has none.
const Bf16Product* dot_bf16_product();
// Plain loops: the twin.
const Bf16Product& scalar_bf16_product();

// Empty when the product agrees with the twin, else what went wrong.
std::string self_test(const Bf16Product& product);

// Rows [0, k) of the panel that strips `strip` elements apart form, to f32 [k][64], exactly.
// `next`: as above.
void widen_panel(const std::uint16_t* panel, std::size_t strip, std::size_t k, float* to,
                 const std::byte* next = nullptr, std::size_t next_bytes = 0);
void widen_panel_scalar(const std::uint16_t* panel, std::size_t strip, std::size_t k, float* to);

}  // namespace onecopy::worker::kernels
