// What attention in 16-bit integers needs around its products (i16_product.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/kernels/power_rows.h"

namespace onecopy::worker::kernels {

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

// powers[r][i] = round(kPowerSteps exp(factors[r] (x[r][i] - the row's maximum))), factors >= 0;
// sums[r] = the unrounded ones' sum / kPowerSteps, a NaN where a score or the factor is no finite
// number.
void power_rows(const PowerRows<std::int16_t>& x, const float* factors, float* sums);
void power_rows_scalar(const PowerRows<std::int16_t>& x, const float* factors, float* sums);

}  // namespace onecopy::worker::kernels
