// The only file that sees libtorch. It must not include fmt (libtorch carries another version of
// it).
#include <ATen/native/CPUBlas.h>

#include <algorithm>

#include "worker/kernels/bf16_product.h"
#include "worker/kernels/block_product.h"
#include "worker/kernels/int8_product.h"

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

template <class A, class B, class C>
void brgemm(const Shape& shape, const A* a, const B* b, C* c, bool add, bool is_vnni) {
  const auto wide = [](std::size_t value) { return static_cast<int64_t>(value); };
  for (std::size_t row = 0; row < shape.m;) {
    const std::size_t rows = height(shape.m - row);
    at::native::cpublas::brgemm(wide(rows), wide(shape.n), wide(shape.k), wide(shape.lda),
                                wide(shape.ldb), wide(shape.ldc), add, a + row * shape.lda, b,
                                c + row * shape.ldc, is_vnni);
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
           args.add || k > 0, false);
  }
}

void multiply_bf16(const Bf16Args& args) {
  static_assert(sizeof(at::BFloat16) == sizeof(std::uint16_t));
  brgemm({args.m, kPanelWidth, args.k, args.lda, kPanelWidth, kPanelWidth},
         reinterpret_cast<const at::BFloat16*>(args.a),
         reinterpret_cast<const at::BFloat16*>(args.b), args.c, args.add, true);
}

// The sums of up to 32 rows in a buffer, then scaled while they are in L1.
void multiply_int8(const Int8Args& args) {
  constexpr std::size_t kRows = 32;
  alignas(64) std::int32_t sums[kRows * kPanelWidth];
  for (std::size_t row = 0; row < args.m; row += kRows) {
    const std::size_t rows = std::min(kRows, args.m - row);
    bool add = args.add;
    for (std::size_t first = 0; first < args.blocks; first += args.together, add = true) {
      const std::size_t last = std::min(args.blocks, first + args.together);
      const std::size_t step = args.a_block == kS8BlockRows ? last - first : 1;  // contiguous rows
      for (std::size_t block = first; block < last; block += step) {
        brgemm({rows, kPanelWidth, step * kS8BlockRows, args.lda, kPanelWidth, kPanelWidth},
               args.a + block * args.a_block + row * args.lda,
               args.b + block * kS8BlockRows * kPanelWidth, sums, block > first, true);
      }
      add_scaled_sums(args, first, row, rows, sums, add);
    }
  }
}

void release() { at::native::cpublas::brgemm_release(/*is_vnni=*/false); }
void release_vnni() { at::native::cpublas::brgemm_release(/*is_vnni=*/true); }

constexpr BlockProduct kBrgemm{"brgemm", multiply, release};
constexpr Bf16Product kBrgemmBf16{"brgemm", multiply_bf16, release_vnni};
constexpr Int8Product kBrgemmInt8{"brgemm", multiply_int8, release_vnni};

}  // namespace

const BlockProduct* brgemm_product() { return &kBrgemm; }
const Bf16Product* brgemm_bf16_product() { return &kBrgemmBf16; }
const Int8Product* brgemm_int8_product() { return &kBrgemmInt8; }

}  // namespace onecopy::worker::kernels
