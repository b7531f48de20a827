// exp, GELU and sigmoid on Highway vectors. Included once per target, inside of foreach_target's
// files.
#if defined(ONECOPY_VECTOR_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_VECTOR_MATH_INL_H
#undef ONECOPY_VECTOR_MATH_INL_H
#else
#define ONECOPY_VECTOR_MATH_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// exp(x) for x <= 88, about 1 ulp; below -87 it is 0. 2^n from the exponent bits, e^r on |r| <=
// ln(2) / 2 from its Taylor polynomial of degree 7 (error 5e-9).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto too_small = hn::Lt(x, hn::Set(d, -87.0F));
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896F)));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);  // ln 2 in two parts, the first exact
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  V p = hn::Set(d, 1.0F / 5040);
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 720));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  const auto power = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127)));
  return hn::IfThenZeroElse(too_small, hn::Mul(p, hn::BitCast(d, power)));
}

// v Phi(v), Phi the normal distribution. Phi(v) - 1/2 = v P(v^2) / Q(v^2), fitted by least squares
// on |v| <= 5.5 (error 7e-9; the rest is rounding) and clamped there.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu(D d, V v) {
  const V z = hn::Clamp(v, hn::Set(d, -5.5F), hn::Set(d, 5.5F));
  const V s = hn::Mul(z, z);
  V p = hn::Set(d, 2.2750709e-08F);
  p = hn::MulAdd(p, s, hn::Set(d, 6.35183912e-06F));
  p = hn::MulAdd(p, s, hn::Set(d, 0.000168799224F));
  p = hn::MulAdd(p, s, hn::Set(d, 0.00467709797F));
  p = hn::MulAdd(p, s, hn::Set(d, 0.0338501538F));
  p = hn::MulAdd(p, s, hn::Set(d, 0.398942235F));
  V q = hn::Set(d, 1.19752287e-06F);
  q = hn::MulAdd(q, s, hn::Set(d, 7.363853e-05F));
  q = hn::MulAdd(q, s, hn::Set(d, 0.00188429514F));
  q = hn::MulAdd(q, s, hn::Set(d, 0.0286444194F));
  q = hn::MulAdd(q, s, hn::Set(d, 0.251515673F));
  q = hn::MulAdd(q, s, hn::Set(d, 1.0F));
  const V half = hn::Div(hn::Mul(z, p), q);
  const V result = hn::Mul(v, hn::Add(hn::Set(d, 0.5F), half));
  return hn::IfThenZeroElse(hn::Lt(v, hn::Set(d, -5.5F)), result);  // |v Phi(v)| < 1.1e-7
}

// The same within 3e-4, for what is rounded to fewer bits: a polynomial, as a division takes longer
// than all the rest. Phi(v) - 1/2 = v P(v^2), minimax on |v| <= 3.8, where it is 1/2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_approximate(D d, V v) {
  const V z = hn::Clamp(v, hn::Set(d, -3.8F), hn::Set(d, 3.8F));
  const V s = hn::Mul(z, z);
  V p = hn::Set(d, 3.778625826e-08F);
  p = hn::MulAdd(p, s, hn::Set(d, -2.328066685e-06F));
  p = hn::MulAdd(p, s, hn::Set(d, 6.175545247e-05F));
  p = hn::MulAdd(p, s, hn::Set(d, -0.0009416851535F));
  p = hn::MulAdd(p, s, hn::Set(d, 0.009365189945F));
  p = hn::MulAdd(p, s, hn::Set(d, -0.06582703586F));
  p = hn::MulAdd(p, s, hn::Set(d, 0.3987565288F));
  return hn::Mul(v, hn::MulAdd(z, p, hn::Set(d, 0.5F)));
}

// The tanh approximation of GELU: 0.5 (1 + tanh u) is the sigmoid of 2 u.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_tanh(D d, V v) {
  const V inner = hn::MulAdd(hn::Mul(hn::Mul(v, v), v), hn::Set(d, 0.044715F), v);
  const V u = hn::Mul(inner, hn::Set(d, -1.59576912160573F));  // -2 sqrt(2 / pi)
  const V one = hn::Set(d, 1.0F);
  return hn::Div(v, hn::Add(one, exp(d, hn::Min(u, hn::Set(d, 87.0F)))));
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
