// One block of a product: C[m, n] (+)= A[m, k] B[k, n] in f32, B a piece of a packed weight's panel
// or a matrix of the same shape. Everything that multiplies matrices is built of these; where they
// come from (Highway here, libtorch's brgemm) is decided once per process.
#pragma once

#include <cstddef>
#include <string>

#include "worker/kernels/activations.h"

namespace onecopy::worker::kernels {

// The k of one call, except the last of a row: B's piece, 128 x 64 floats, is 32 KB and stays in a
// 48 KB L1 cache for all rows of A. 64 and 256 were measured 2 % and 10 % slower (see
// bench/gemm_bench).
inline constexpr std::size_t kProductDepth = 128;

struct BlockArgs {
  std::size_t m = 0;  // rows
  std::size_t n = 0;  // columns
  std::size_t k = 0;
  // [m, k]: rows lda floats apart, in stretches of kBlockColumns columns that are a_block apart
  // (activations.h); a_block is kBlockColumns where a row is contiguous.
  const float* a = nullptr;
  std::size_t lda = 0;
  std::size_t a_block = kBlockColumns;
  const float* b = nullptr;  // [k, n]
  std::size_t ldb = 0;
  float* c = nullptr;  // [m, n]; overlaps neither a nor b
  std::size_t ldc = 0;
  bool add = false;  // add to C instead of replacing it
  // What the caller reads next, or null: brought into the L2 cache.
  const std::byte* next = nullptr;
  std::size_t next_bytes = 0;
};

// A way of computing blocks. A row's values do not depend on m, so neither on its neighbours.
struct BlockProduct {
  const char* name;
  void (*multiply)(const BlockArgs&);
  void (*release)();  // once per thread at the end of a region; may be null
};

// Portable, vectorized with Highway for the best instructions that the machine has. Any m, n, k,
// strides.
const BlockProduct& highway_product();

// libtorch's brgemm, or null where the build has no libtorch. Compiles a kernel for each (m, n, k,
// strides) that a thread has not seen (140 us, 19 KB): call it with few different ones.
const BlockProduct* brgemm_product();

// Plain loops: the twin that the others are tested against.
const BlockProduct& scalar_product();

// Multiplies blocks of some shapes and compares with scalar_product(). Empty when all agree, else
// what went wrong. Catches what the product throws.
std::string self_test(const BlockProduct& product);

}  // namespace onecopy::worker::kernels
