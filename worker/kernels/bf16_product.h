// One block of a bf16 product with f32 sums: C[m, 64] (+)= A[m, k] B[k, 64], B a piece of a
// weight's bf16 panel (shared/packed_weight.h).
//
// Two ways: instructions that multiply bf16 (AVX512_BF16, AMX), or B widened to f32 in a buffer of
// 32 KB and multiplied as f32. Which is faster differs: an AMD Zen 5 multiplies bf16 at twice the
// rate of f32, an Intel Sapphire Rapids whose AMX is switched off at a third. back_ends.h measures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace onecopy::worker::kernels {

struct Bf16Args {
  std::size_t m = 0;
  std::size_t k = 0;                 // even
  const std::uint16_t* a = nullptr;  // [m, k], rows lda elements apart
  std::size_t lda = 0;
  const std::uint16_t* b = nullptr;  // [k / 2][64][2]
  float* c = nullptr;                // [m, 64]
  bool add = false;
};

struct Bf16Product {
  const char* name;
  void (*multiply)(const Bf16Args&);
  void (*release)();  // once per thread at the end of a region; may be null
};

// libtorch's brgemm; null where the build has no libtorch.
const Bf16Product* brgemm_bf16_product();
// Plain loops: the twin.
const Bf16Product& scalar_bf16_product();

// Empty when the product agrees with the twin, else what went wrong. Catches what it throws.
std::string self_test(const Bf16Product& product);

// [k / 2][64][2] to f32 [k][64], exactly.
void widen_panel(const std::uint16_t* panel, std::size_t k, float* to);
void widen_panel_scalar(const std::uint16_t* panel, std::size_t k, float* to);

}  // namespace onecopy::worker::kernels
