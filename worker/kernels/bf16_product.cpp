// bf16 products by AVX512_BF16: a tile of sums in registers, two values of a token, broadcast,
// times two of each column.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/bf16_product.cpp"

#include "worker/kernels/bf16_product.h"

#include <algorithm>
#include <cstring>

#include "shared/segment/packed_weight.h"
#include "worker/kernels/amx_support.h"
#include "worker/kernels/highway_vnni_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/row_tiles-inl.h"
#include "worker/kernels/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
namespace {

constexpr std::size_t kRows = 6;
constexpr std::size_t kStrips = 4;

// sum + the products of each lane's two halves. Not the intrinsic: see int8_product.cpp.
HWY_INLINE V dot(V sum, V a, V b) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
}

template <std::size_t kM, std::size_t kN>
HWY_INLINE void tile(const Bf16Args& args, std::size_t row, std::size_t column) {
  float* const c = args.c + row * args.ldc + column;
  V sums[kM][kN];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      sums[i][j] = args.add ? hn::LoadU(D(), c + i * args.ldc + j * kStripWidth) : hn::Zero(D());
    }
  }
  const std::uint16_t* HWY_RESTRICT b = args.b + column / kStripWidth * args.b_strip;
  for (std::size_t first = 0; first < args.k; first += kBf16Depth) {
    const std::uint16_t* HWY_RESTRICT a =
        args.a + first / kBf16Depth * args.a_block + row * args.lda;
    const std::size_t last = std::min(args.k, first + kBf16Depth);
    for (std::size_t k = first; k < last; k += 2, a += 2, b += 2 * kStripWidth) {
      V columns[kN];
#pragma GCC unroll 16
      for (std::size_t j = 0; j < kN; ++j) {
        columns[j] = hn::LoadU(D(), reinterpret_cast<const float*>(b + j * args.b_strip));
      }
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kM; ++i) {
        float pair = 0;
        std::memcpy(&pair, a + i * args.lda, sizeof pair);
        const V left = hn::Set(D(), pair);
#pragma GCC unroll 16
        for (std::size_t j = 0; j < kN; ++j) sums[i][j] = dot(sums[i][j], left, columns[j]);
      }
    }
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      hn::StoreU(sums[i][j], D(), c + i * args.ldc + j * kStripWidth);
    }
  }
}

template <std::size_t kN>
void all_rows(const Bf16Args& args, std::size_t column) {
  for_row_tiles<kRows>(args.m, [&](auto height, std::size_t row) HWY_ATTR {
    tile<decltype(height)::value, kN>(args, row, column);
  });
}

}  // namespace

void multiply_dot_bf16(const Bf16Args& args) {
  std::size_t column = 0;
  for (; column + 3 * kStripWidth < args.n; column += kStrips * kStripWidth) {
    all_rows<kStrips>(args, column);
  }
  for (; column < args.n; column += kStripWidth) all_rows<1>(args, column);
}

#else

// Never chosen (amx_support.h), but compiled for every target.
void multiply_dot_bf16(const Bf16Args& args) { scalar_bf16_product().multiply(args); }

#endif

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(multiply_dot_bf16);

void dispatched(const Bf16Args& args) {
  HWY_DYNAMIC_DISPATCH(multiply_dot_bf16)(args);
  if (args.finish != nullptr) finish_scaled(args.c, args.m, *args.finish);
}

constexpr Bf16Product kDot{"avx512_bf16", dispatched, nullptr, 6, kRowBlock};

}  // namespace

const Bf16Product* dot_bf16_product() { return has_avx512_bf16() ? &kDot : nullptr; }

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
