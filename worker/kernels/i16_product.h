// Products of 16-bit integers, and what attention needs around them. Attention at lower precision
// than f32 uses them: queries, keys, values and the softmax's powers rounded to 10 to 14 bits. That
// is finer than bf16 and, with VNNI, twice as fast as f32; 8 bits were not enough for the powers,
// which fall off exponentially.
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

// Up to 64 columns, contiguous in a row of x; rows `row_stride` floats apart.
struct Columns {
  const float* x = nullptr;
  std::size_t row_stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

// largest[row] = the larger of it and the magnitudes in the row; a NaN if there is one.
void row_magnitudes(const Columns& x, float* largest);
// largest[j] = the largest magnitude in column j; a NaN if there is one.
void column_magnitudes(const Columns& x, float* largest);

// y[row][i] = round(factors[row] x[row][i]), y's rows `stride` apart; an odd number of columns is
// filled up with one 0.
void round_rows(const Columns& x, const float* factors, std::int16_t* y, std::size_t stride);

// The right side of Q K^T: one panel of up to 64 keys. Pair (i, i + 1) of a key's columns is
// y[i / 2][key][2]. Keys beyond `rows` become 0.
void pack_keys(const std::int16_t* rounded, std::size_t stride, std::size_t rows,
               std::size_t columns, std::int16_t* y);

// The right side of P V: pairs of rows, rounded with factors[column]; a last odd row is paired with
// 0, as are columns beyond x's.
void pack_values(const Columns& x, const float* factors, std::int16_t* y);

// powers[r][i] = round(kPowerSteps exp(factors[r] (x[r][i] - the row's maximum))) for i < columns,
// filled with 0 to the next multiple of 2 and perhaps of kPowerColumns; sums[r] = the unrounded
// ones' sum / kPowerSteps, a NaN where the factor is not finite. Up to that multiple x's rows can
// be read, whatever is there, and the powers' written.
inline constexpr std::size_t kPowerColumns = 32;
struct PowerRows {
  const float* x = nullptr;
  std::size_t stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  const float* factors = nullptr;  // >= 0
  std::int16_t* powers = nullptr;
  std::size_t power_stride = 0;
  float* sums = nullptr;
};
void power_rows(const PowerRows& x);
void power_rows_scalar(const PowerRows& x);

}  // namespace onecopy::worker::kernels
