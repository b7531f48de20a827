// y = epilogue(x W^T + b) over a weight that is packed in a segment. The one entry for all products with
// weights; other element types and layouts are further cases of its dispatch on weight.dtype and .layout.
#pragma once

#include <cstddef>
#include <span>

#include "shared/tensor_view.h"
#include "worker/kernels/parallel.h"

namespace onecopy::worker::kernels {

// Borrowed from a segment. weight: Layout::kPanels, rows = outputs, cols = inputs.
struct LinearWeights {
  TensorView weight;
  std::span<const float> bias;  // [outputs]
};

// What happens to a block of the product while it is still in the cache, after adding the bias.
enum class Epilogue {
  kNone,
  kGelu,      // exact: 0.5 v (1 + erf(v / sqrt 2))
  kGeluTanh,  // the tanh approximation
  kRelu,
  kResidual,  // adds `residual`
};

// One product. Rows are tokens. y may be the same memory as residual, but must not overlap x.
struct Linear {
  const float* x = nullptr;  // [rows, inputs], rows x_stride floats apart
  std::size_t x_stride = 0;
  const LinearWeights* weights = nullptr;
  Epilogue epilogue = Epilogue::kNone;
  const float* residual = nullptr;  // [rows, outputs], y_stride apart; kResidual only
  float* y = nullptr;               // [rows, outputs]
  std::size_t y_stride = 0;
};

// Computes several products of the same number of rows in one go (query, key and value, for instance).
// Every panel of the weights is read from memory once. The result does not depend on the number of threads,
// nor a row's values on the other rows.
void linear(std::span<const Linear> products, std::size_t rows, ThreadPool& pool);

}  // namespace onecopy::worker::kernels
