// The only file that sees libtorch. It must not include fmt (libtorch carries another version of
// it).
#include <ATen/native/CPUBlas.h>

#include "worker/kernels/block_product.h"

namespace onecopy::worker::kernels {
namespace {

// Rows in powers of two: at most eight heights are ever compiled for each (n, k, strides).
std::size_t height(std::size_t rows) {
  std::size_t height = 128;
  while (height > rows) height /= 2;
  return height;
}

// All rows of one stretch of A's columns.
void multiply_stretch(const BlockArgs& args, const float* a, const float* b, std::size_t k,
                      bool add) {
  for (std::size_t row = 0; row < args.m;) {
    const std::size_t rows = height(args.m - row);
    at::native::cpublas::brgemm(static_cast<int64_t>(rows), static_cast<int64_t>(args.n),
                                static_cast<int64_t>(k), static_cast<int64_t>(args.lda),
                                static_cast<int64_t>(args.ldb), static_cast<int64_t>(args.ldc), add,
                                a + row * args.lda, b, args.c + row * args.ldc,
                                /*is_vnni=*/false);
    row += rows;
  }
}

void multiply(const BlockArgs& args) {
  if (args.a_block == kBlockColumns) {
    return multiply_stretch(args, args.a, args.b, args.k, args.add);
  }
  for (std::size_t k = 0; k < args.k; k += kBlockColumns) {
    const std::size_t depth = args.k - k < kBlockColumns ? args.k - k : kBlockColumns;
    multiply_stretch(args, args.a + k / kBlockColumns * args.a_block, args.b + k * args.ldb, depth,
                     args.add || k > 0);
  }
}

void release() { at::native::cpublas::brgemm_release(/*is_vnni=*/false); }

constexpr BlockProduct kBrgemm{"brgemm", multiply, release};

}  // namespace

const BlockProduct* brgemm_product() { return &kBrgemm; }

}  // namespace onecopy::worker::kernels
