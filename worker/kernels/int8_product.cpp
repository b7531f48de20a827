// The int8 block product on Highway. The inner loop holds a tile of sums in registers and
// multiplies four values of a token, broadcast, with four of each column.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/int8_product.cpp"

#include "worker/kernels/int8_product.h"

#include <algorithm>
#include <cstring>

#include "worker/kernels/highway_vnni_targets.h"

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

// Where the sums of each stretch of blocks with one scale start: 64 for each, `next` apart.
struct Starts {
  const std::int32_t* sums;
  std::size_t next;
};

HWY_INLINE VI load(const void* bytes) {
  return hn::LoadU(DI(), static_cast<const std::int32_t*>(bytes));
}

// sums += A[kM, 64] B[64, kN vectors of columns] for one block.
template <std::size_t kM, std::size_t kN>
HWY_INLINE void accumulate(VI (&sums)[kM][kN], const std::uint8_t* HWY_RESTRICT a, std::size_t lda,
                           const std::int8_t* HWY_RESTRICT b) {
  for (std::size_t k = 0; k < kS8BlockRows; k += 4, a += 4, b += 4 * kPanelWidth) {
    Four columns[kN];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) columns[j] = signed_four(load(b + 4 * j * kLanes));
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

struct Ahead {
  const std::int8_t* next;
  const std::int8_t* end;
  std::size_t lines;  // per block of a tile
};

HWY_INLINE void prefetch(Ahead& ahead) {
  for (std::size_t i = 0; i < ahead.lines && ahead.next < ahead.end; ++i, ahead.next += 64) {
    __builtin_prefetch(ahead.next, 0, 2);
  }
}

// kM rows and kN vectors of columns, over all blocks.
template <std::size_t kM, std::size_t kN>
HWY_INLINE void tile(const Int8Args& args, const Starts& starts, std::size_t row,
                     std::size_t column, Ahead& ahead) {
  float* const c = args.c + row * kPanelWidth + column;
  const float* scales = args.scales + row;
  const std::int32_t* from = starts.sums + column;
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
      prefetch(ahead);
      accumulate<kM, kN>(sums, a, args.lda,
                         args.b + block * kS8BlockRows * kPanelWidth + 4 * column);
    }
    store<kM, kN>(sums, scales, add, c);
  }
}

template <std::size_t kM>
void all_columns(const Int8Args& args, const Starts& starts, std::size_t row, Ahead& ahead) {
  for (std::size_t column = 0; column < kPanelWidth; column += kVectors * kLanes) {
    tile<kM, kVectors>(args, starts, row, column, ahead);
  }
}

using StartMemory = std::int32_t[kInt8Blocks * kPanelWidth];

Starts find_starts(const Int8Args& args, StartMemory& memory) {
  static constexpr std::int32_t kZeros[kPanelWidth] = {};
  if (args.block_sums == nullptr) return {kZeros, 0};
  const std::int16_t* sums = args.block_sums;
  for (std::size_t block = 0; block < args.blocks; ++block, sums += kPanelWidth) {
    std::int32_t* to = memory + block / args.together * kPanelWidth;
    const bool fresh = block % args.together == 0;
    for (std::size_t j = 0; j < kPanelWidth; ++j) to[j] = (fresh ? 0 : to[j]) - 128 * sums[j];
  }
  return {memory, kPanelWidth};
}

Ahead plan_prefetch(const Int8Args& args) {
  if (args.next == nullptr) return {nullptr, nullptr, 0};
  const std::size_t strips = kPanelWidth / (kVectors * kLanes);
  const std::size_t steps = std::max<std::size_t>(1, args.m / kRows * args.blocks * strips);
  return {args.next, args.next + args.next_bytes, (args.next_bytes / 64 + steps - 1) / steps};
}

}  // namespace

void multiply_int8(const Int8Args& args) {
  StartMemory memory;
  const Starts starts = find_starts(args, memory);
  Ahead ahead = plan_prefetch(args);
  for_row_tiles<kRows>(args.m, [&](auto height, std::size_t row) HWY_ATTR {
    all_columns<decltype(height)::value>(args, starts, row, ahead);
  });
}

void add_scaled_sums(const Int8Args& args, std::size_t first, std::size_t row, std::size_t rows,
                     const std::int32_t* sums, bool add) {
  StartMemory memory;
  const Starts starts = find_starts(args, memory);
  const std::int32_t* start = starts.sums + first / args.together * starts.next;
  const float* scales = args.scales + first / args.together * args.next_scales + row;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < kPanelWidth; j += kLanes) {
      const VI sum = hn::Add(load(sums + i * kPanelWidth + j), load(start + j));
      add_scaled(sum, hn::Set(D(), scales[i]), add, args.c + (row + i) * kPanelWidth + j);
    }
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(multiply_int8);
HWY_EXPORT(add_scaled_sums);

void dispatched_multiply(const Int8Args& args) { HWY_DYNAMIC_DISPATCH(multiply_int8)(args); }

constexpr Int8Product kHighway{"highway", dispatched_multiply, nullptr};

}  // namespace

void add_scaled_sums(const Int8Args& args, std::size_t first, std::size_t row, std::size_t rows,
                     const std::int32_t* sums, bool add) {
  HWY_DYNAMIC_DISPATCH(add_scaled_sums)(args, first, row, rows, sums, add);
}

const Int8Product& highway_int8_product() { return kHighway; }

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
