// From floats to integers.
#if defined(ONECOPY_ROUND_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_ROUND_INL_H
#undef ONECOPY_ROUND_INL_H
#else
#define ONECOPY_ROUND_INL_H
#endif

#include <cstdint>

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

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
