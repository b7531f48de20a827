// Multi-head attention within each sequence of a ragged batch.
#pragma once

#include <cstdint>
#include <span>

#include "worker/encoder/workspace.h"
#include "worker/kernels/activations.h"

namespace onecopy::worker {

struct Attention {
  std::size_t heads = 0;
  std::size_t head_size = 0;
  // [tokens, heads * head_size] each; head h has columns h * head_size and on.
  kernels::Activations query, key, value;
  kernels::Activations context;  // softmax(Q K^T / sqrt(head_size)) V; overlaps none of them
  std::span<const std::uint32_t> starts;  // as in RaggedBatch
};

void attend(const Attention& attention, Workspace& workspace);

}  // namespace onecopy::worker
