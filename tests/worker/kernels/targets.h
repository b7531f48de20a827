// Runs a test body on every instruction set that this machine has and the kernels are compiled for.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdint>
#include <random>
#include <vector>

namespace onecopy::worker::kernels {

template <class Body>
void for_each_target(const Body& body) {
  const std::int64_t available = hwy::SupportedTargets() | HWY_SCALAR;
  for (const std::int64_t target : {HWY_AVX3_DL, HWY_AVX3, HWY_AVX2, HWY_SCALAR}) {
    if ((available & target) == 0) continue;
    SCOPED_TRACE(hwy::TargetName(target));
    // Only the products of integers are compiled for AVX-512 VNNI; the other files take AVX-512.
    const std::int64_t chosen = target == HWY_AVX3_DL ? HWY_AVX3_DL | HWY_AVX3 : target;
    hwy::SetSupportedTargetsForTest(chosen);
    hwy::GetChosenTarget().Update(chosen);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

inline std::vector<float> random_floats(std::size_t count, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace onecopy::worker::kernels
