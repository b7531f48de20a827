// Work on rows, shared out over the threads.
#pragma once

#include <algorithm>

#include "worker/encoder/model.h"
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

inline void layer_norm(const ModelInfo& info, const NormWeights& weights, kernels::Activations x,
                       kernels::Activations y, std::size_t rows, kernels::ThreadPool& pool) {
  for_row_groups(rows, info.hidden, pool, [&](std::size_t first, std::size_t last) {
    kernels::layer_norm(norm_of(info, weights), x, y, first, last);
  });
}

}  // namespace onecopy::worker
