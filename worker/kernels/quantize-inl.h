// Vectors of floats to bytes.
#if defined(ONECOPY_QUANTIZE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_QUANTIZE_INL_H
#undef ONECOPY_QUANTIZE_INL_H
#else
#define ONECOPY_QUANTIZE_INL_H
#endif

#include "worker/kernels/activations.h"
#include "worker/kernels/round-inl.h"
#include "worker/kernels/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

using DB = hn::Rebind<std::uint8_t, D>;

// 64 values; load(i) is the vector of those from i on.
#if ONECOPY_AVX512
// At once: narrowing vector by vector takes three times as many instructions.
template <class Load>
HWY_INLINE void quantize_block(const Load& load, V factor, V shift, std::uint8_t* to) {
  const auto four = [&](std::size_t i) HWY_ATTR {
    return nearest_int(hn::MulAdd(load(16 * i), factor, shift)).raw;
  };
  const __m512i low = _mm512_packs_epi32(four(0), four(1));
  const __m512i high = _mm512_packs_epi32(four(2), four(3));
  // Packing works within 128 bits: puts the dwords back into order.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high)));
}
#else
template <class Load>
HWY_INLINE void quantize_block(const Load& load, V factor, V shift, std::uint8_t* to) {
  for (std::size_t i = 0; i < kBlockColumns; i += hn::Lanes(D())) {
    const auto q = nearest_int(hn::MulAdd(load(i), factor, shift));
    hn::StoreU(hn::DemoteTo(DB(), q), DB(), to + i);
  }
}
#endif

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
