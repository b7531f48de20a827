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

#include "worker/kernels/activations.h"

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

// Sums (or the like) that a loop keeps: each by itself, as one would wait for its last addition.
inline constexpr std::size_t kSums = 4;

// body(column, sum, part) over the columns of a row that lies in blocks; sum is 0 to kSums - 1 in
// turn, a constant to the compiler.
template <class Body>
HWY_INLINE void for_row(std::size_t columns, const Body& body) {
  const std::size_t lanes = hn::Lanes(D());
  const std::size_t whole = columns / (kSums * lanes) * (kSums * lanes);
  for (std::size_t c = 0; c < whole; c += kSums * lanes) {
#pragma GCC unroll 4
    for (std::size_t sum = 0; sum < kSums; ++sum) body(c + sum * lanes, sum, FullVector());
  }
  for_vectors(columns - whole,
              [&](std::size_t i, auto part) HWY_ATTR { body(whole + i, std::size_t{0}, part); });
}
static_assert(kBlockColumns % (kSums * hn::MaxLanes(D())) == 0, "a body stays within a block");

template <class Vec, class Combine>
HWY_INLINE Vec combined(const Vec (&sums)[kSums], const Combine& combine) {
  return combine(combine(sums[0], sums[1]), combine(sums[2], sums[3]));
}
HWY_INLINE V sum_of(const V (&sums)[kSums]) {
  return hn::SumOfLanes(D(), combined(sums, [](V a, V b) HWY_ATTR { return hn::Add(a, b); }));
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
