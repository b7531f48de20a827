// Loops over rows whose length is no multiple of the vector's: the same body for full vectors and
// for the rest, which reads and writes nothing beyond the end.
#if defined(ONECOPY_VECTOR_LOOP_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_VECTOR_LOOP_INL_H
#undef ONECOPY_VECTOR_LOOP_INL_H
#else
#define ONECOPY_VECTOR_LOOP_INL_H
#endif

#include <cstddef>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

struct FullVector {
  HWY_INLINE V load(const float* p) const { return hn::LoadU(D(), p); }
  HWY_INLINE void store(V v, float* p) const { hn::StoreU(v, D(), p); }
  HWY_INLINE V or_else(V v, V) const { return v; }
};

struct PartOfVector {
  hn::Mask<D> mask;
  HWY_INLINE V load(const float* p) const { return hn::MaskedLoad(mask, D(), p); }
  HWY_INLINE void store(V v, float* p) const { hn::BlendedStore(v, mask, D(), p); }
  // v, and `other` in the lanes beyond the end.
  HWY_INLINE V or_else(V v, V other) const { return hn::IfThenElse(mask, v, other); }
};

// body(i, part) for i = 0, lanes, 2 lanes, ... below count.
template <class Body>
HWY_INLINE void for_vectors(std::size_t count, const Body& body) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) body(i, FullVector());
  if (i < count) body(i, PartOfVector{hn::FirstN(D(), count - i)});
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
