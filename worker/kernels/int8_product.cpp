// The int8 block product on Highway. The inner loop holds a tile of sums in registers and
// multiplies four values of a token, broadcast, with four of each column.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/int8_product.cpp"

#include "worker/kernels/int8_product.h"

#include <algorithm>
#include <cstring>

#include "worker/kernels/highway_vnni_targets.h"
#include "worker/kernels/int8_starts.h"
#include "worker/kernels/prefetch.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/row_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using DI = hn::ScalableTag<std::int32_t>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
constexpr std::size_t kLanes = hn::MaxLanes(D());

// Tiles that fill the registers: sums, the columns' values and a token's.
#if HWY_TARGET == HWY_AVX3_DL
constexpr std::size_t kRows = 6;
constexpr std::size_t kVectors = 4;
#elif HWY_TARGET == HWY_AVX3
constexpr std::size_t kRows = 4;
constexpr std::size_t kVectors = 4;
#else
constexpr std::size_t kRows = 4;
constexpr std::size_t kVectors = kLanes == 1 ? 4 : 2;
#endif

// Of a block's 64 rows of B, those between two steps of fetching what comes next.
constexpr std::size_t kPart = 16;

#if HWY_TARGET == HWY_AVX3_DL
struct Four {
  VI bytes;
};
HWY_INLINE Four unsigned_four(VI v) { return {v}; }
HWY_INLINE Four signed_four(VI v) { return {v}; }
// Not the intrinsic: Highway 1.0 checks the machine for it but does not let the compiler use it,
// and g++ 12 moves and spills the sums around it (387 instead of 700 GFLOP/s).
HWY_INLINE VI dot(VI sum, Four a, Four b) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.bytes.raw), "v"(b.bytes.raw));
  return sum;
}
#elif HWY_TARGET == HWY_SCALAR
struct Four {
  VI bytes;
};
HWY_INLINE Four unsigned_four(VI v) { return {v}; }
HWY_INLINE Four signed_four(VI v) { return {v}; }
HWY_INLINE VI dot(VI sum, Four a, Four b) {
  for (int shift = 0; shift < 32; shift += 8) {
    const auto u = static_cast<std::uint8_t>(static_cast<std::uint32_t>(a.bytes.raw) >> shift);
    const auto s = static_cast<std::int8_t>(static_cast<std::uint32_t>(b.bytes.raw) >> shift);
    sum.raw += u * s;
  }
  return sum;
}
#else
// Without VNNI in 16 bits, even and odd bytes apart: exact, where _mm_maddubs would saturate.
using DS = hn::ScalableTag<std::int16_t>;
struct Four {
  hn::Vec<DS> even, odd;
};
HWY_INLINE Four unsigned_four(VI v) {
  const hn::RebindToUnsigned<DS> du;
  const auto bytes = hn::BitCast(du, v);
  return {hn::BitCast(DS(), hn::And(bytes, hn::Set(du, 0xFF))),
          hn::BitCast(DS(), hn::ShiftRight<8>(bytes))};
}
HWY_INLINE Four signed_four(VI v) {
  const auto bytes = hn::BitCast(DS(), v);
  return {hn::ShiftRight<8>(hn::ShiftLeft<8>(bytes)), hn::ShiftRight<8>(bytes)};
}
HWY_INLINE VI dot(VI sum, Four a, Four b) {
  VI unused = hn::Zero(DI());
  sum = hn::ReorderWidenMulAccumulate(DI(), a.even, b.even, sum, unused);
  return hn::ReorderWidenMulAccumulate(DI(), a.odd, b.odd, sum, unused);
}
#endif

HWY_INLINE VI load(const void* bytes) {
  return hn::LoadU(DI(), static_cast<const std::int32_t*>(bytes));
}

// sums += A[kM, kPart] B[kPart, kN vectors of columns], whose strips are `strip` apart.
template <std::size_t kM, std::size_t kN>
HWY_INLINE void accumulate(VI (&sums)[kM][kN], const std::uint8_t* HWY_RESTRICT a, std::size_t lda,
                           const std::int8_t* HWY_RESTRICT b, std::size_t strip) {
  for (std::size_t k = 0; k < kPart; k += 4, a += 4, b += 4 * kStripWidth) {
    Four columns[kN];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      const std::size_t column = j * kLanes;
      columns[j] = signed_four(
          load(b + column / kStripWidth * strip + column % kStripWidth * sizeof(std::int32_t)));
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kM; ++i) {
      std::int32_t four = 0;
      std::memcpy(&four, a + i * lda, sizeof four);
      const Four token = unsigned_four(hn::Set(DI(), four));
#pragma GCC unroll 16
      for (std::size_t j = 0; j < kN; ++j) sums[i][j] = dot(sums[i][j], token, columns[j]);
    }
  }
}

HWY_INLINE void add_scaled(VI sum, V scale, bool add, float* out) {
  const V v = hn::ConvertTo(D(), sum);
  hn::StoreU(add ? hn::MulAdd(v, scale, hn::LoadU(D(), out)) : hn::Mul(v, scale), D(), out);
}

// C = (C +) scale * sums.
template <std::size_t kM, std::size_t kN>
HWY_INLINE void store(const VI (&sums)[kM][kN], const float* scales, bool add,
                      float* HWY_RESTRICT c) {
  asm("" : "+r"(c));  // else g++ keeps an address for each vector on the stack
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
    const V scale = hn::Set(D(), scales[i]);
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      add_scaled(sums[i][j], scale, add, c + i * kPanelWidth + j * kLanes);
    }
  }
}

// kM rows and kN vectors of columns, over all blocks.
template <std::size_t kM, std::size_t kN>
HWY_INLINE void tile(const Int8Args& args, const Starts& starts, std::size_t row,
                     std::size_t column, Prefetch& ahead) {
  float* const c = args.c + row * kPanelWidth + column;
  const float* scales = args.scales + row;
  const std::int32_t* from = starts.sums + column;
  const std::int8_t* const b =
      args.b + column / kStripWidth * args.b_strip + column % kStripWidth * sizeof(std::int32_t);
  bool add = args.add;
  for (std::size_t first = 0; first < args.blocks;
       first += args.together, add = true, scales += args.next_scales, from += starts.next) {
    const std::size_t last = std::min(args.blocks, first + args.together);
    VI sums[kM][kN];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      const VI start = hn::LoadU(DI(), from + j * kLanes);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kM; ++i) sums[i][j] = start;
    }
    for (std::size_t block = first; block < last; ++block) {
      const std::uint8_t* a = args.a + block * args.a_block + row * args.lda;
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kM; ++i) __builtin_prefetch(a + (kM + i) * args.lda, 0, 3);
      for (std::size_t k = 0; k < kS8BlockRows; k += kPart) {
        ahead.some();
        accumulate<kM, kN>(sums, a + k, args.lda, b + (block * kS8BlockRows + k) * kStripWidth,
                           args.b_strip);
      }
    }
    store<kM, kN>(sums, scales, add, c);
  }
}

template <std::size_t kM>
void all_columns(const Int8Args& args, const Starts& starts, std::size_t row, Prefetch& ahead) {
  for (std::size_t column = 0; column < kPanelWidth; column += kVectors * kLanes) {
    tile<kM, kVectors>(args, starts, row, column, ahead);
  }
}

}  // namespace

void multiply_int8(const Int8Args& args) {
  std::int32_t memory[kInt8Blocks * kPanelWidth];
  const Starts starts = starts_of(args, memory);
  const std::size_t tiles = row_tiles(args.m, kRows) * (kPanelWidth / (kVectors * kLanes));
  const std::size_t steps = tiles * args.blocks * (kS8BlockRows / kPart);
  Prefetch ahead(args.next, args.next_bytes, steps);
  for_row_tiles<kRows>(args.m, [&](auto height, std::size_t row) HWY_ATTR {
    all_columns<decltype(height)::value>(args, starts, row, ahead);
  });
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(multiply_int8);

void dispatched_multiply(const Int8Args& args) {
  HWY_DYNAMIC_DISPATCH(multiply_int8)(args);
  if (args.finish != nullptr) finish_scaled(args.c, args.m, *args.finish);
}

constexpr Int8Product kHighway{"highway", dispatched_multiply, nullptr, 6, kRowBlock, kInt8Blocks};

}  // namespace

const Int8Product& highway_int8_product() { return kHighway; }

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
