#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/fma_peak.cpp"

#include "bench/fma_peak.h"

#include <chrono>

#include "worker/kernels/highway_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace onecopy::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains hide the latency of two units with four cycles each.
double multiply_adds(long rounds) {
  const hn::ScalableTag<float> d;
  constexpr int kChains = 12;
  hn::Vec<decltype(d)> sums[kChains];
  for (auto& sum : sums) sum = hn::Set(d, 1.0F);
  const auto factor = hn::Set(d, 0.5F);
  for (long i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = hn::MulAdd(sum, factor, factor);
  }
  auto total = hn::Zero(d);
  for (const auto& sum : sums) total = hn::Add(total, sum);
  volatile float keep = hn::GetLane(total);
  static_cast<void>(keep);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace onecopy::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::bench {
namespace {
HWY_EXPORT(multiply_adds);
}

double fma_peak() {
  const auto start = std::chrono::steady_clock::now();
  const double flops = HWY_DYNAMIC_DISPATCH(multiply_adds)(2'000'000);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return flops / took.count() / 1e9;
}

}  // namespace onecopy::bench
#endif  // HWY_ONCE
