// Multi-head attention within each sequence of a ragged batch.
#pragma once

#include <cstdint>
#include <span>

#include "worker/encoder/workspace.h"
#include "worker/kernels/bf16_product.h"
#include "worker/kernels/operand.h"

namespace onecopy::worker {

struct Attention {
  std::size_t heads = 0;
  std::size_t head_size = 0;
  // [tokens, heads * head_size] each, all f32 or all rows of bf16; head h has columns h * head_size
  // and on. The queries may be fewer: [query_starts.back(), ...].
  kernels::Operand query, key, value;
  kernels::Operand context;  // softmax(Q K^T / sqrt(head_size)) V; overlaps none of them. A u8 one
                             // has a scale for each block
  std::span<const std::uint32_t> starts;        // of the keys, as in RaggedBatch
  std::span<const std::uint32_t> query_starts;  // of the queries and the context
  // f32 only: computed in f32; else in 16-bit integers (kernels/i16_product.h): finer than bf16,
  // and faster where bf16 has no tiles.
  bool exact = true;
  const kernels::Bf16Product* product = nullptr;  // bf16 only: what multiplies
};

void attend(const Attention& attention, Workspace& workspace);

}  // namespace onecopy::worker
