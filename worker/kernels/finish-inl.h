// The functions of an epilogue on vectors.
#if defined(ONECOPY_FINISH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_FINISH_INL_H
#undef ONECOPY_FINISH_INL_H
#else
#define ONECOPY_FINISH_INL_H
#endif

#include "worker/kernels/epilogue.h"
#include "worker/kernels/vector_loop-inl.h"
#include "worker/kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

// kApproximate: for what is rounded to fewer bits afterwards.
template <Epilogue kEpilogue, bool kApproximate = false>
HWY_INLINE V finish(D d, V v) {
  if constexpr (kEpilogue == Epilogue::kGelu && kApproximate) return gelu_approximate(d, v);
  if constexpr (kEpilogue == Epilogue::kGelu) return gelu(d, v);
  if constexpr (kEpilogue == Epilogue::kGeluTanh) return gelu_tanh(d, v);
  // Not Max: a NaN must stay one.
  if constexpr (kEpilogue == Epilogue::kRelu) return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(d)), v);
  return v;
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
