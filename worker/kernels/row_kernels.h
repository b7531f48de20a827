// Kernels over single rows: layer norm, softmax, dot products. Vectorized with Highway for the best
// instructions that the machine has; each has a plain twin `..._scalar` that tests compare with.
#pragma once

#include <cstddef>

#include "worker/kernels/activations.h"

namespace onecopy::worker::kernels {

// y[i] = (x[i] - mean) / sqrt(variance + eps) * weight + bias over `columns`, mean and variance in
// two passes. y may be x.
struct LayerNorm {
  const float* weight = nullptr;
  const float* bias = nullptr;
  float eps = 0;
  std::size_t columns = 0;
};
void layer_norm(const LayerNorm& norm, Activations x, Activations y, std::size_t first,
                std::size_t last);
void layer_norm_scalar(const LayerNorm& norm, Activations x, Activations y, std::size_t first,
                       std::size_t last);

// y[row] = a + b (+ c, where not null), each of `columns` floats.
void add_rows(const float* a, const float* b, const float* c, Activations y, std::size_t row,
              std::size_t columns);

// Rows of a matrix, `stride` floats apart.
struct Rows {
  float* data = nullptr;
  std::size_t stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

// x = exp(x - its row's maximum) in place, and inverse_sums[row] = 1 / the row's sum: a softmax
// whose division is left to the reader.
void exp_rows(const Rows& x, float* inverse_sums);
void exp_rows_scalar(const Rows& x, float* inverse_sums);

// Each row times its factor.
void scale_rows(const Rows& x, const float* factors);

// y[r][j] = x[r][j] * row_factors[r] * column_factors[j]; y's rows `stride` floats apart.
void scale(const Rows& x, const float* row_factors, const float* column_factors, float* y,
           std::size_t stride);

float dot(const float* a, const float* b, std::size_t columns);
float dot_scalar(const float* a, const float* b, std::size_t columns);

// y[column * y_stride + row] = factor * x[row * x_stride + column]: packs keys as a product's right
// side.
void transpose(const float* x, std::size_t x_stride, std::size_t rows, std::size_t columns,
               float factor, float* y, std::size_t y_stride);

}  // namespace onecopy::worker::kernels
