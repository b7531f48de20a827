// The softmax's powers.
#if defined(ONECOPY_POWER_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_POWER_INL_H
#undef ONECOPY_POWER_INL_H
#else
#define ONECOPY_POWER_INL_H
#endif

#include "worker/kernels/round-inl.h"
#include "worker/kernels/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

// steps exp(d factor) for d <= 0, to 6e-6 of its size; smaller powers than 2^-100 become that.
// Adding 1.5 * 2^23 leaves the product's whole part n in a float's lowest bits: they become the
// exponent; a polynomial on the rest, |f| <= 1/2 (least squares, even error), holds the steps
// already.
struct Power {
  HWY_INLINE Power(float exponents, float steps)
      : factor(hn::Set(D(), exponents * kLog2E)),
        lowest(hn::Set(D(), -100.0F / (exponents * kLog2E))) {
    constexpr float kSeries[] = {9.59024e-3F, 5.587027e-2F, 2.4023678e-1F, 6.9312805e-1F, 1};
    for (std::size_t i = 0; i < 5; ++i) series[i] = hn::Set(D(), kSeries[i] * steps);
  }
  HWY_INLINE V operator()(V d) const {
    const V whole = hn::Set(D(), 12582912.0F);
    d = hn::Max(d, lowest);
    const V n = hn::MulAdd(d, factor, whole);
    const V f = hn::MulSub(d, factor, hn::Sub(n, whole));
    V p = series[0];
    for (std::size_t i = 1; i < 5; ++i) p = hn::MulAdd(p, f, series[i]);
    const VI exponent = hn::ShiftLeft<23>(hn::BitCast(DI(), n));
    return hn::BitCast(D(), hn::Add(hn::BitCast(DI(), p), exponent));
  }
  static constexpr float kLog2E = 1.44269504F;
  V factor, lowest;
  V series[5];
};

// The largest of a row. Four at a time: one after the other each would wait for the one before.
HWY_INLINE float largest_in(const float* row, std::size_t columns) {
  constexpr std::size_t kLanes = hn::MaxLanes(D());
  V most[kSums];
  for (V& m : most) m = hn::Set(D(), row[0]);
  std::size_t i = 0;
  for (; i + kSums * kLanes <= columns; i += kSums * kLanes) {
#pragma GCC unroll 4
    for (std::size_t j = 0; j < kSums; ++j) {
      most[j] = hn::Max(most[j], hn::LoadU(D(), row + i + j * kLanes));
    }
  }
  for (; i + kLanes <= columns; i += kLanes) most[0] = hn::Max(most[0], hn::LoadU(D(), row + i));
  if (i < columns) {
    const V rest = hn::IfThenElse(hn::FirstN(D(), columns - i), hn::LoadU(D(), row + i), most[0]);
    most[1] = hn::Max(most[1], rest);
  }
  const auto larger = [](V a, V b) HWY_ATTR { return hn::Max(a, b); };
  return hn::GetLane(hn::MaxOfLanes(D(), combined(most, larger)));
}

// The powers of what a row's columns are below its maximum, and zeros up to a multiple of
// kTileColumns: keep(i, first, second) takes those of two vectors from column i on. The powers'
// sum; a NaN where a score or the factor is none. Up to that multiple the row can be read, whatever
// is there.
template <class Keep>
HWY_INLINE float powers_of_row(const float* row, std::size_t columns, const Power& power,
                               const Keep& keep) {
  constexpr std::size_t kLanes = hn::MaxLanes(D());
  // The difference first: the largest one's power is 1 also where the scores are huge.
  const V largest = hn::Set(D(), largest_in(row, columns));
  V sums[2] = {hn::Zero(D()), hn::Zero(D())};
  V check = hn::Zero(D());  // no number if a score is none: the largest may pass over it
  const auto power_of = [&](V score) HWY_ATTR {
    check = hn::Add(check, score);
    return power(hn::Sub(score, largest));
  };
  const auto take = [&](std::size_t i, V first, V second) HWY_ATTR {
    sums[0] = hn::Add(sums[0], first);
    sums[1] = hn::Add(sums[1], second);
    keep(i, first, second);
  };
  std::size_t i = 0;
  for (; i + 2 * kLanes <= columns; i += 2 * kLanes) {
    take(i, power_of(hn::LoadU(D(), row + i)), power_of(hn::LoadU(D(), row + i + kLanes)));
  }
  const auto rest = [&](std::size_t at) HWY_ATTR {
    const auto mask = hn::FirstN(D(), columns - std::min(columns, at));
    return hn::IfThenElseZero(mask, power_of(hn::IfThenElseZero(mask, hn::LoadU(D(), row + at))));
  };
  const std::size_t end = round_up(columns, kTileColumns);
  for (; i < end; i += 2 * kLanes) take(i, rest(i), rest(i + kLanes));
  const V nothing = hn::Mul(hn::Zero(D()), hn::Add(check, power.factor));
  return hn::GetLane(hn::SumOfLanes(D(), hn::Add(nothing, hn::Add(sums[0], sums[1]))));
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
