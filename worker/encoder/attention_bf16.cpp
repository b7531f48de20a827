#include <algorithm>
#include <cmath>

#include "shared/segment/packed_weight.h"
#include "worker/encoder/attention_head.h"
#include "worker/kernels/bf16_attention.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::kBf16Depth;
using kernels::Operand;

// Of scores and powers: whole blocks of scores, and rows that are not a multiple of 4 KB apart.
std::size_t score_stride(std::size_t length) { return round_up(length, kPanelWidth) + 32; }
std::size_t value_strips(std::size_t size) { return round_up(size, kStripWidth) / kStripWidth; }

std::size_t sum_stride(std::size_t size) { return round_up(size, kPanelWidth); }

// Of gathered rows: the keys, and as many queries as are read at a time.
std::size_t gathered(std::size_t length) {
  return std::max(round_up(length, kBf16Depth), Bf16Head::kQueries);
}

}  // namespace

std::size_t Bf16Head::floats(std::size_t length, std::size_t size) {
  const std::size_t stride = score_stride(length);
  const std::size_t depth = round_up(size, kBf16Depth);
  const std::size_t keys = round_up(length, kBf16Depth);
  return kQueries * (stride + sum_stride(size)) + as_floats(kQueries * stride) +
         as_floats(gathered(length) * depth) + as_floats(keys * depth) +
         as_floats(value_strips(size) * keys * kStripWidth);
}

Bf16Head::Bf16Head(const Head& head, float* memory)
    : head_(head),
      stride_(score_stride(head.length)),
      depth_(round_up(head.size, kBf16Depth)),
      key_depth_(round_up(head.length, kBf16Depth)),
      scores_(memory),
      sums_(scores_ + kQueries * stride_),
      powers_(reinterpret_cast<std::uint16_t*>(sums_ + kQueries * sum_stride(head.size))),
      rows_(powers_ + 2 * as_floats(kQueries * stride_)),
      keys_(rows_ + 2 * as_floats(gathered(head.length) * depth_)),
      values_(keys_ + 2 * as_floats(key_depth_ * depth_)) {
  const HeadRows keys = rows_of(head.key, head.first, head.length);
  kernels::pack_bf16_keys(keys.data, keys.stride, head.length, depth_, keys_);
  const HeadRows values = rows_of(head.value, head.first, head.length);
  for (std::size_t column = 0; column < head.size; column += kStripWidth) {
    kernels::pack_bf16_values(values.data + column, values.stride, head.length,
                              std::min(kStripWidth, head.size - column), key_depth_,
                              values_ + column * key_depth_);
  }
}

// The head's columns of these rows, filled up with zeros to depth_: where they lie if that is so
// there, else gathered in rows_.
Bf16Head::HeadRows Bf16Head::rows_of(const Operand& x, std::size_t first, std::size_t rows) {
  const auto at = [&](std::size_t row, std::size_t column) -> const std::uint16_t* {
    return x.bf16_at(first + row, column);
  };
  const std::size_t room = kernels::kBlockColumns - head_.column % kernels::kBlockColumns;
  if (head_.size == depth_ && head_.size <= room) {
    return {at(0, head_.column), x.row_stride / sizeof(std::uint16_t)};
  }
  for (std::size_t row = 0; row < rows; ++row) {
    std::uint16_t* const to = rows_ + row * depth_;
    for_stretches(head_, [&](std::size_t column, std::size_t count) {
      std::copy_n(at(row, head_.column + column), count, to + column);
    });
    std::fill(to + head_.size, to + depth_, std::uint16_t{0});
  }
  return {rows_, depth_};
}

void Bf16Head::multiply_scores(const HeadRows& queries, std::size_t rows) const {
  head_.product->multiply({.m = rows,
                           .n = head_.length,
                           .k = depth_,
                           .a = queries.data,
                           .lda = queries.stride,
                           .b = keys_,
                           .b_strip = kStripWidth * depth_,
                           .c = scores_,
                           .ldc = stride_});
}

void Bf16Head::multiply_values(std::size_t rows) const {
  head_.product->multiply({.m = rows,
                           .n = head_.size,
                           .k = key_depth_,
                           .a = powers_,
                           .lda = stride_,
                           .b = values_,
                           .b_strip = kStripWidth * key_depth_,
                           .c = sums_,
                           .ldc = sum_stride(head_.size)});
}

void Bf16Head::attend(std::size_t query, std::size_t rows, Activations to) {
  multiply_scores(rows_of(head_.query, query, rows), rows);
  float inverse_sums[kQueries];
  kernels::bf16_power_rows({.x = scores_,
                            .stride = stride_,
                            .rows = rows,
                            .columns = head_.length,
                            .powers = powers_,
                            .power_stride = stride_},
                           1 / std::sqrt(static_cast<float>(head_.size)), inverse_sums);
  multiply_values(rows);
  // The softmax's division, on head_size numbers instead of one for each key.
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    kernels::scale({sums_ + column, sum_stride(head_.size), rows, count}, inverse_sums,
                   kernels::kOnes.data(), to.at(0, head_.column + column), to.row_stride);
  });
}

}  // namespace onecopy::worker
