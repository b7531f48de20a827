#include <cmath>

#include "shared/segment/packed_weight.h"
#include "worker/encoder/attention_head.h"
#include "worker/kernels/back_ends.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::kProductDepth;

constexpr std::size_t kPanel = kPanelWidth;

// 16 floats more than a multiple of 64, so that rows do not share the same few sets of the L1
// cache.
std::size_t score_stride(std::size_t length) { return round_up(length, kPanel) + 16; }

const kernels::BlockProduct& product() { return *kernels::default_back_ends().any_shape; }

// The softmax's 1 / sqrt(size) goes into the keys: there are fewer of them than of scores.
void pack_keys(const Head& head, float* out) {
  const float scale = 1 / std::sqrt(static_cast<float>(head.size));
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t first = 0; first < head.length; first += kPanel) {
      float* panel = out + first * head.size + column * kPanel;
      kernels::transpose(head.key.floats().at(head.first + first, head.column + column),
                         head.key.floats().row_stride, std::min(kPanel, head.length - first), count,
                         scale, panel, kPanel);
    }
  });
}

}  // namespace

std::size_t F32Head::floats(std::size_t length, std::size_t size) {
  return score_stride(length) * (size + kQueries);
}

F32Head::F32Head(const Head& head, float* memory)
    : head_(head),
      stride_(score_stride(head.length)),
      keys_(memory),
      scores_(memory + stride_ * head.size) {
  pack_keys(head, keys_);
}

// Queries and values are read where they lie; a head that crosses a block's end in two stretches.
void F32Head::multiply_scores(std::size_t query, std::size_t rows) const {
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    for (std::size_t first = 0; first < head_.length; first += kPanel) {
      product().multiply({.m = rows,
                          .n = std::min(kPanel, head_.length - first),
                          .k = count,
                          .a = head_.query.floats().at(query, head_.column + column),
                          .lda = head_.query.floats().row_stride,
                          .b = keys_ + first * head_.size + column * kPanel,
                          .ldb = kPanel,
                          .c = scores_ + first,
                          .ldc = stride_,
                          .add = column > 0});
    }
  });
}

void F32Head::multiply_values(std::size_t rows, Activations to) const {
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    for (std::size_t k = 0; k < head_.length; k += kProductDepth) {
      product().multiply({.m = rows,
                          .n = count,
                          .k = std::min(kProductDepth, head_.length - k),
                          .a = scores_ + k,
                          .lda = stride_,
                          .b = head_.value.floats().at(head_.first + k, head_.column + column),
                          .ldb = head_.value.floats().row_stride,
                          .c = to.at(0, head_.column + column),
                          .ldc = to.row_stride,
                          .add = k > 0});
    }
  });
}

void F32Head::attend(std::size_t query, std::size_t rows, Activations to) {
  multiply_scores(query, rows);
  float inverse_sums[kQueries];
  kernels::exp_rows({scores_, stride_, rows, head_.length}, inverse_sums);
  multiply_values(rows, to);
  // The softmax's division, on head_size numbers instead of one for each key.
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    kernels::scale_rows({to.at(0, head_.column + column), to.row_stride, rows, count},
                        inverse_sums);
  });
}

}  // namespace onecopy::worker
