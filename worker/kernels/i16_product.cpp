#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/i16_product.cpp"

#include "worker/kernels/i16_product.h"

#include <algorithm>
#include <cstring>

#include "shared/segment/packed_weight.h"
#include "worker/kernels/activations.h"
#include "worker/kernels/highway_vnni_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/round-inl.h"
#include "worker/kernels/row_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

constexpr std::size_t kLanes = hn::MaxLanes(D());

constexpr std::size_t kRows = 6;
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_SCALAR
constexpr std::size_t kVectors = 4;
#else
constexpr std::size_t kVectors = 2;
#endif

// sum + the products of each lane's two 16-bit halves.
#if HWY_TARGET == HWY_AVX3_DL
HWY_INLINE VI dot(VI sum, VI a, VI b) {  // not the intrinsic: see int8_product.cpp
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
}
#elif HWY_TARGET == HWY_SCALAR
HWY_INLINE VI dot(VI sum, VI a, VI b) {
  const auto low = [](VI v) { return static_cast<std::int16_t>(v.raw & 0xFFFF); };
  const auto high = [](VI v) { return static_cast<std::int16_t>(v.raw >> 16); };
  // Wraps like the instructions do: values that are no numbers may be rounded to anything.
  const auto bits = [](std::int32_t v) { return static_cast<std::uint32_t>(v); };
  sum.raw =
      static_cast<std::int32_t>(bits(sum.raw) + bits(low(a) * low(b)) + bits(high(a) * high(b)));
  return sum;
}
#else
HWY_INLINE VI dot(VI sum, VI a, VI b) {
  const hn::ScalableTag<std::int16_t> d16;
  VI unused = hn::Zero(DI());
  return hn::ReorderWidenMulAccumulate(DI(), hn::BitCast(d16, a), hn::BitCast(d16, b), sum, unused);
}
#endif

HWY_INLINE VI load(const std::int16_t* pairs) {
  return hn::LoadU(DI(), reinterpret_cast<const std::int32_t*>(pairs));
}

template <std::size_t kM, std::size_t kN>
HWY_INLINE void tile(const I16Args& args, std::size_t row, std::size_t column) {
  VI sums[kM][kN];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) sums[i][j] = hn::Zero(DI());
  }
  const std::int16_t* HWY_RESTRICT a = args.a + row * args.lda;
  const std::int16_t* HWY_RESTRICT b = args.b + 2 * column;
  for (std::size_t k = 0; k < args.k; k += 2, a += 2, b += 2 * kPanelWidth) {
    VI columns[kN];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) columns[j] = load(b + 2 * j * kLanes);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kM; ++i) {
      std::int32_t pair = 0;
      std::memcpy(&pair, a + i * args.lda, sizeof pair);
      const VI left = hn::Set(DI(), pair);
#pragma GCC unroll 16
      for (std::size_t j = 0; j < kN; ++j) sums[i][j] = dot(sums[i][j], left, columns[j]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      float* out = args.c + (row + i) * args.ldc + column + j * kLanes;
      V v = hn::ConvertTo(D(), sums[i][j]);
      if (args.add) v = hn::Add(v, hn::LoadU(D(), out));
      hn::StoreU(v, D(), out);
    }
  }
}

template <std::size_t kM, std::size_t kN>
HWY_INLINE void last_columns(const I16Args& args, std::size_t row, std::size_t column,
                             std::size_t vectors) {
  if (vectors == kN) return tile<kM, kN>(args, row, column);
  if constexpr (kN > 1) last_columns<kM, kN - 1>(args, row, column, vectors);
}

template <std::size_t kM>
void all_columns(const I16Args& args, std::size_t row) {
  // Whole stretches of 16 columns on every target: the callers' memory has them.
  const std::size_t end = round_up(args.n, 16);
  std::size_t column = 0;
  for (; column + kVectors * kLanes <= end; column += kVectors * kLanes) {
    tile<kM, kVectors>(args, row, column);
  }
  if (column < end) last_columns<kM, kVectors>(args, row, column, (end - column) / kLanes);
}

}  // namespace

void multiply_i16(const I16Args& args) {
  for_row_tiles<kRows>(args.m, [&](auto height, std::size_t row)
                                   HWY_ATTR { all_columns<decltype(height)::value>(args, row); });
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {

HWY_EXPORT(multiply_i16);
void multiply_i16(const I16Args& args) { HWY_DYNAMIC_DISPATCH(multiply_i16)(args); }

void multiply_i16_scalar(const I16Args& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < args.n; ++j) {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < args.k; ++k) {
        sum += args.a[i * args.lda + k] * args.b[(k / 2 * kPanelWidth + j) * 2 + k % 2];
      }
      float& c = args.c[i * args.ldc + j];
      c = static_cast<float>(sum) + (args.add ? c : 0);
    }
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
