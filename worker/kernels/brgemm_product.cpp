// The only file that sees libtorch. It must not include fmt (libtorch carries another version of
// it).
#include <ATen/native/CPUBlas.h>

#include <algorithm>

#include "worker/kernels/block_product.h"

namespace onecopy::worker::kernels {
namespace {

// Rows in powers of two: at most eight heights are ever compiled for each (n, k, strides).
std::size_t height(std::size_t rows) {
  std::size_t height = 128;
  while (height > rows) height /= 2;
  return height;
}

struct Shape {
  std::size_t m, n, k, lda, ldb, ldc;
};

void brgemm(const Shape& shape, const float* a, const float* b, float* c, bool add) {
  const auto wide = [](std::size_t value) { return static_cast<int64_t>(value); };
  for (std::size_t row = 0; row < shape.m;) {
    const std::size_t rows = height(shape.m - row);
    at::native::cpublas::brgemm(wide(rows), wide(shape.n), wide(shape.k), wide(shape.lda),
                                wide(shape.ldb), wide(shape.ldc), add, a + row * shape.lda, b,
                                c + row * shape.ldc, /*is_vnni=*/false);
    row += rows;
  }
}

void multiply(const BlockArgs& args) {
  const bool contiguous = args.a_block == kBlockColumns;
  const std::size_t step = contiguous ? args.k : kBlockColumns;
  for (std::size_t k = 0; k < args.k; k += step) {
    const std::size_t depth = std::min(step, args.k - k);
    brgemm({args.m, args.n, depth, args.lda, args.ldb, args.ldc},
           args.a + k / kBlockColumns * args.a_block, args.b + k * args.ldb, args.c,
           args.add || k > 0);
  }
}

void release() { at::native::cpublas::brgemm_release(/*is_vnni=*/false); }

constexpr BlockProduct kBrgemm{"brgemm", multiply, release};

}  // namespace

const BlockProduct* brgemm_product() { return &kBrgemm; }

}  // namespace onecopy::worker::kernels
