// Products of 16-bit integers. Attention at lower precision than f32 uses them (i16_attention.h):
// queries, keys, values and the softmax's powers rounded to 10 to 14 bits. That is finer than bf16
// and, with VNNI, twice as fast as f32; 8 bits were not enough for the powers, which fall off
// exponentially.
//
//   left side   [m][k], rows one behind the other
//   right side  "pairs": panels of 64 columns, each [k / 2][64][2]
#pragma once

#include <cstddef>
#include <cstdint>

namespace onecopy::worker::kernels {

// Most products in one sum, and bounds of the values so that no sum overflows:
// 128 * 4095 * 4095 and 128 * 16383 * 1023 are below 2^31.
inline constexpr std::size_t kI16Depth = 128;
inline constexpr float kScoreSteps = 4095;   // queries and keys
inline constexpr float kPowerSteps = 16383;  // the softmax's powers, at most 1
inline constexpr float kValueSteps = 1023;

struct I16Args {
  std::size_t m = 0;
  std::size_t n = 0;  // columns, at most 64; C's rows are written up to the next multiple of 16
  std::size_t k = 0;  // even, at most kI16Depth
  const std::int16_t* a = nullptr;
  std::size_t lda = 0;              // elements
  const std::int16_t* b = nullptr;  // [k / 2][64][2]
  float* c = nullptr;               // rows ldc floats apart
  std::size_t ldc = 0;
  bool add = false;
};
// C (+)= A B, exact but for the rounding of each sum to f32.
void multiply_i16(const I16Args& args);
void multiply_i16_scalar(const I16Args& args);

}  // namespace onecopy::worker::kernels
