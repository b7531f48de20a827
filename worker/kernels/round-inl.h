// From floats to integers.
#if defined(ONECOPY_ROUND_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_ROUND_INL_H
#undef ONECOPY_ROUND_INL_H
#else
#define ONECOPY_ROUND_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include "shared/base/bf16.h"
#include "worker/kernels/activations.h"
#include "worker/kernels/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

using DI = hn::Rebind<std::int32_t, D>;
using D16 = hn::Rebind<std::int16_t, D>;
using VI = hn::Vec<DI>;

#define ONECOPY_AVX512 (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL)

// To the nearest integer, to even from halfway. What is no number or does not fit becomes any
// integer: hn::NearestInt takes four instructions more to make it the largest.
HWY_INLINE VI nearest_int(V v) {
#if ONECOPY_AVX512
  return VI{_mm512_cvtps_epi32(v.raw)};
#else
  return hn::NearestInt(v);
#endif
}

// Two vectors, in order, at once: one by one they take twice as many instructions.
HWY_INLINE void store_as_16_bits(VI first, VI second, std::int16_t* to) {
#if ONECOPY_AVX512
  // Packing works within 128 bits.
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  const __m512i packed = _mm512_packs_epi32(first.raw, second.raw);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi64(order, packed));
#else
  hn::StoreU(hn::DemoteTo(D16(), first), D16(), to);
  hn::StoreU(hn::DemoteTo(D16(), second), D16(), to + hn::Lanes(D()));
#endif
}

// Two vectors of numbers to bf16, to nearest, upwards from halfway: for powers, where that is as
// good and takes half the instructions.
HWY_INLINE void store_as_bf16(V first, V second, std::uint16_t* to) {
  const hn::Rebind<std::uint32_t, D> du;
  const auto half = hn::Set(du, 0x8000);
  const auto low = hn::Add(hn::BitCast(du, first), half);
  const auto high = hn::Add(hn::BitCast(du, second), half);
#if ONECOPY_AVX512
  // Packing works within 128 bits.
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  const __m512i packed =
      _mm512_packus_epi32(_mm512_srli_epi32(low.raw, 16), _mm512_srli_epi32(high.raw, 16));
  _mm512_storeu_si512(to, _mm512_permutexvar_epi64(order, packed));
#else
  const hn::Rebind<std::uint16_t, D> d16;
  const auto store = [&](auto bits, std::uint16_t* at) HWY_ATTR {
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(DI(), hn::ShiftRight<16>(bits))), d16, at);
  };
  store(low, to);
  store(high, to + hn::Lanes(D()));
#endif
}

// `count` values, at most 64, to bf16; filled up with zeros to 64. Those from the 32nd on begin at
// to + half. The compiler vectorizes it.
HWY_INLINE void round_block(const float* HWY_RESTRICT from, std::size_t count,
                            std::uint16_t* HWY_RESTRICT to, std::size_t half) {
  for (std::size_t first = 0; first < kBlockColumns; first += kTileColumns, to += half) {
    const std::size_t some = std::min(kTileColumns, count - std::min(count, first));
    for (std::size_t i = 0; i < some; ++i) to[i] = narrow_bf16(from[first + i]);
    std::fill(to + some, to + kTileColumns, std::uint16_t{0});
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
