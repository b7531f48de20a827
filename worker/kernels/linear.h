// y = epilogue(x W^T + b) over a weight that is packed in a segment. The one entry for all products
// with weights, of every element type.
#pragma once

#include <cstddef>
#include <span>

#include "shared/segment/tensor_view.h"
#include "worker/kernels/back_ends.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/operand.h"
#include "worker/kernels/parallel.h"

namespace onecopy::worker::kernels {

// Borrowed from a segment. weight: Layout::kPanels, rows = outputs, cols = inputs.
struct LinearWeights {
  TensorView weight;
  std::span<const float> bias;  // [outputs]
};

// One product. x: [rows, inputs], of the type that operand_type() says for the weight; y: [rows,
// outputs], overlapping no x of the same call: f32, or of the type of x where that is not f32. A
// u8 y has a scale for every one or two blocks of columns.
struct Linear {
  Operand x;
  const LinearWeights* weights = nullptr;
  Operand y;
  Epilogue epilogue = Epilogue::kNone;
  // y += instead of y =, f32 only: a residual costs no pass of its own.
  bool add = false;
};

// Computes several products of the same number of rows in one go (query, key and value, for
// instance). Every panel of the weights is read from memory about once. The result does not depend
// on the number of threads, nor a row's values on the other rows. `back_ends` is for benchmarks and
// tests.
void linear(std::span<const Linear> products, std::size_t rows, ThreadPool& pool,
            const BackEnds& back_ends = default_back_ends());

}  // namespace onecopy::worker::kernels
