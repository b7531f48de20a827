// Magnitudes of floats as integers: they compare like the numbers, and a NaN is the largest, so
// that it cannot get lost.
#if defined(ONECOPY_MAGNITUDE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_MAGNITUDE_INL_H
#undef ONECOPY_MAGNITUDE_INL_H
#else
#define ONECOPY_MAGNITUDE_INL_H
#endif

#include <bit>

#include "worker/kernels/round-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

HWY_INLINE VI magnitude_bits(V v) { return hn::BitCast(DI(), hn::Abs(v)); }

HWY_INLINE float largest_magnitude(VI bits) {
  return std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(DI(), bits)));
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
