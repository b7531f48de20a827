// Work on rows, shared out over the threads.
#pragma once

#include <algorithm>

#include "worker/encoder/model.h"
#include "worker/kernels/quantize.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {

// body(first, last) over all rows, on several threads where that is worth waking them.
template <class Body>
void for_row_groups(std::size_t rows, std::size_t columns, kernels::ThreadPool& pool,
                    const Body& body) {
  constexpr std::size_t kRows = 16;
  constexpr std::size_t kWorthAThread = 1U << 15;  // floats; about 10 microseconds
  if (rows * columns < kWorthAThread) return body(std::size_t{0}, rows);
  pool.run((rows + kRows - 1) / kRows, [&](std::size_t item, unsigned) {
    body(item * kRows, std::min(rows, (item + 1) * kRows));
  });
}

inline kernels::LayerNorm norm_of(const ModelInfo& info, const NormWeights& weights) {
  return {weights.weight.data(), weights.bias.data(), info.layer_norm_eps, info.hidden};
}

// y = norm(x) for the rows [first, last). Where `input` is not null and not f32, y also goes there,
// row by row while it is in the nearest cache.
inline void norm_rows(const ModelInfo& info, const NormWeights& weights, kernels::Activations x,
                      kernels::Activations y, const kernels::Operand* input, std::size_t first,
                      std::size_t last) {
  const kernels::LayerNorm norm = norm_of(info, weights);
  if (input == nullptr || input->type == kernels::OperandType::kF32) {
    return kernels::layer_norm(norm, x, y, first, last);
  }
  for (std::size_t row = first; row < last; ++row) {
    kernels::layer_norm(norm, x, y, row, row + 1);
    kernels::quantize(y.from_row(row), info.hidden, *input, 0, row, row + 1);
  }
}

}  // namespace onecopy::worker
