// The softmax's powers, in whichever 16-bit words attention's products read: what both forms
// (bf16_attention.h, i16_attention.h) have in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "worker/kernels/activations.h"

namespace onecopy::worker::kernels {

// Rows of scores, and where their powers go: with zeros up to a multiple of kTileColumns. Up to
// that multiple the scores can be read, whatever is there.
template <class Word>
struct PowerRows {
  const float* x = nullptr;
  std::size_t stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  Word* powers = nullptr;
  std::size_t power_stride = 0;
};

// Plain loops, the twin of power-inl.h's powers_of_row: keep(i, exp(factor (row[i] - the row's
// maximum))) and keep(i, 0) for the columns that fill up. Returns the powers' sum.
template <class Keep>
double powers_of_row_scalar(const float* row, std::size_t columns, float factor, const Keep& keep) {
  const double largest = *std::max_element(row, row + columns);
  double sum = 0;
  for (std::size_t i = 0; i < round_up(columns, kTileColumns); ++i) {
    const double power = i < columns ? std::exp(factor * (row[i] - largest)) : 0;
    keep(i, power);
    sum += power;
  }
  return sum;
}

}  // namespace onecopy::worker::kernels
