// y = epilogue(x W^T + b) over a weight that is packed in a segment. The one entry for all products
// with weights; other element types and layouts are further cases of its dispatch on weight.dtype
// and .layout.
#pragma once

#include <cstddef>
#include <span>

#include "shared/tensor_view.h"
#include "worker/kernels/activations.h"
#include "worker/kernels/block_product.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/parallel.h"

namespace onecopy::worker::kernels {

// Borrowed from a segment. weight: Layout::kPanels, rows = outputs, cols = inputs.
struct LinearWeights {
  TensorView weight;
  std::span<const float> bias;  // [outputs]
};

// One product. x: [rows, inputs]; y: [rows, outputs], overlapping no x of the same call.
struct Linear {
  Activations x;
  const LinearWeights* weights = nullptr;
  Activations y;
  Epilogue epilogue = Epilogue::kNone;
  bool add =
      false;  // y += instead of y =: a residual costs no pass of its own. Before the epilogue.
};

// Computes several products of the same number of rows in one go (query, key and value, for
// instance). Every panel of the weights is read from memory about once. The result does not depend
// on the number of threads, nor a row's values on the other rows. `product` is for benchmarks and
// tests.
void linear(std::span<const Linear> products, std::size_t rows, ThreadPool& pool,
            const BlockProduct& product = default_product());

}  // namespace onecopy::worker::kernels
