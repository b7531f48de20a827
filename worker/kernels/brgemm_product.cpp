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

void multiply(const BlockArgs& args) {
  for (std::size_t row = 0; row < args.m;) {
    const std::size_t rows = height(args.m - row);
    at::native::cpublas::brgemm(static_cast<int64_t>(rows), static_cast<int64_t>(args.n),
                                static_cast<int64_t>(args.k), static_cast<int64_t>(args.lda),
                                static_cast<int64_t>(args.ldb), static_cast<int64_t>(args.ldc),
                                args.add, args.a + row * args.lda, args.b, args.c + row * args.ldc,
                                /*is_vnni=*/false);
    row += rows;
  }
}

void release() { at::native::cpublas::brgemm_release(/*is_vnni=*/false); }

constexpr BlockProduct kBrgemm{"brgemm", multiply, release};

}  // namespace

const BlockProduct* brgemm_product() { return &kBrgemm; }

}  // namespace onecopy::worker::kernels
