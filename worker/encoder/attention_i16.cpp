#include <algorithm>
#include <cmath>
#include <limits>

#include "shared/segment/packed_weight.h"
#include "worker/encoder/attention_head.h"
#include "worker/kernels/i16_attention.h"
#include "worker/kernels/i16_product.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::kI16Depth;

constexpr std::size_t kPanel = kPanelWidth;

std::size_t score_stride(std::size_t length) { return round_up(length, kPanel) + 16; }
// A row of 16-bit values starts on a cache line of its own.
std::size_t pair_stride(std::size_t size) { return round_up(size, 32); }
// A head lies in this many stretches at most.
std::size_t stretches(std::size_t size) { return size / kernels::kBlockColumns + 2; }
std::size_t value_panel(std::size_t length) { return round_up(length, 2) * kPanel; }

// A NaN stays.
float larger(float value, float largest) {
  return std::isnan(largest) || value <= largest ? largest : value;
}

float steps_over(float steps, float magnitude) {
  return magnitude > std::numeric_limits<float>::min() ? steps / magnitude : 0;
}

}  // namespace

std::size_t I16Head::floats(std::size_t length, std::size_t size) {
  const std::size_t stride = score_stride(length);
  return kQueries * stride + as_floats(kQueries * stride) + as_floats(kPanel * pair_stride(size)) +
         as_floats(round_up(length, kPanel) * pair_stride(size)) +
         as_floats(stretches(size) * value_panel(length)) + round_up(size, 16);
}

I16Head::I16Head(const Head& head, float* memory)
    : head_(head),
      stride_(score_stride(head.length)),
      pair_stride_(pair_stride(head.size)),
      scores_(memory),
      powers_(reinterpret_cast<std::int16_t*>(scores_ + kQueries * stride_)),
      queries_(powers_ + 2 * as_floats(kQueries * stride_)),
      keys_(queries_ + 2 * as_floats(kPanel * pair_stride_)),
      values_(keys_ + 2 * as_floats(round_up(head.length, kPanel) * pair_stride_)),
      value_scales_(reinterpret_cast<float*>(
          values_ + 2 * as_floats(stretches(head.size) * value_panel(head.length)))) {
  pack_keys();
  pack_values();
}

// `rows` rows of x from `first` on, in one stretch of the head's columns.
kernels::Columns I16Head::part_of(const Activations& x, std::size_t first, std::size_t rows,
                                  std::size_t column, std::size_t count) const {
  return {x.at(first, head_.column + column), x.row_stride, rows, count};
}

// The head's columns of rows [first, first + rows) of x to queries_.
void I16Head::round(const Activations& x, std::size_t first, std::size_t rows,
                    const float* factors) const {
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    kernels::round_rows(part_of(x, first, rows, column, count), factors, queries_ + column,
                        pair_stride_);
  });
  // A stretch of odd length was filled up, but the last one of an odd head may be even.
  if (head_.size % 2 == 0) return;
  for (std::size_t row = 0; row < rows; ++row) queries_[row * pair_stride_ + head_.size] = 0;
}

// One scale for all keys of the head: it has bits to spare.
void I16Head::pack_keys() {
  float largest = 0;
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    float columns[kPanel];
    kernels::column_magnitudes(
        part_of(head_.key.floats(), head_.first, head_.length, column, count), columns);
    for (std::size_t j = 0; j < count; ++j) largest = larger(columns[j], largest);
  });
  key_scale_ = largest / kernels::kScoreSteps;
  float factors[kPanel];
  std::fill_n(factors, kPanel, steps_over(kernels::kScoreSteps, largest));
  for (std::size_t first = 0; first < head_.length; first += kPanel) {
    const std::size_t rows = std::min(kPanel, head_.length - first);
    round(head_.key.floats(), head_.first + first, rows, factors);
    kernels::pack_keys(queries_, pair_stride_, rows, head_.size, keys_ + first * pair_stride_);
  }
}

// A scale for each column.
void I16Head::pack_values() {
  std::int16_t* to = values_;
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    const auto values = part_of(head_.value.floats(), head_.first, head_.length, column, count);
    float* scales = value_scales_ + column;
    kernels::column_magnitudes(values, scales);
    float factors[kPanel];
    for (std::size_t j = 0; j < count; ++j) {
      factors[j] = steps_over(kernels::kValueSteps, scales[j]);
      scales[j] /= kernels::kValueSteps * kernels::kPowerSteps;
    }
    kernels::pack_values(values, factors, to);
    to += value_panel(head_.length);
  });
}

void I16Head::multiply_values(std::size_t rows, const float* inverse_sums, Activations to) const {
  const std::int16_t* panel = values_;
  const std::size_t keys = round_up(head_.length, 2);
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    float sums[kQueries * kPanel];
    for (std::size_t k = 0; k < keys; k += kI16Depth) {
      kernels::multiply_i16({.m = rows,
                             .n = count,
                             .k = std::min(kI16Depth, keys - k),
                             .a = powers_ + k,
                             .lda = stride_,
                             .b = panel + k * kPanel,
                             .c = sums,
                             .ldc = kPanel,
                             .add = k > 0});
    }
    kernels::scale({sums, kPanel, rows, count}, inverse_sums, value_scales_ + column,
                   to.at(0, head_.column + column), to.row_stride);
    panel += value_panel(head_.length);
  });
}

// Rows [query, query + rows) of the queries, each with a scale of its own; factors[row]: what makes
// its products with the keys scores.
void I16Head::round_queries(std::size_t query, std::size_t rows, float* factors) {
  float largest[kQueries] = {};
  for_stretches(head_, [&](std::size_t column, std::size_t count) {
    kernels::row_magnitudes(part_of(head_.query.floats(), query, rows, column, count), largest);
  });
  float steps[kQueries];
  const float scale = key_scale_ / std::sqrt(static_cast<float>(head_.size)) / kernels::kScoreSteps;
  for (std::size_t row = 0; row < rows; ++row) {
    steps[row] = steps_over(kernels::kScoreSteps, largest[row]);
    factors[row] = scale * largest[row];
  }
  round(head_.query.floats(), query, rows, steps);
}

void I16Head::multiply_scores(std::size_t rows) const {
  const std::size_t pairs = round_up(head_.size, 2);
  for (std::size_t first = 0; first < head_.length; first += kPanel) {
    for (std::size_t k = 0; k < pairs; k += kI16Depth) {
      kernels::multiply_i16({.m = rows,
                             .n = std::min(kPanel, head_.length - first),
                             .k = std::min(kI16Depth, pairs - k),
                             .a = queries_ + k,
                             .lda = pair_stride_,
                             .b = keys_ + first * pair_stride_ + k * kPanel,
                             .c = scores_ + first,
                             .ldc = stride_,
                             .add = k > 0});
    }
  }
}

void I16Head::attend(std::size_t query, std::size_t rows, Activations to) {
  float factors[kQueries];
  round_queries(query, rows, factors);
  multiply_scores(rows);
  float sums[kQueries];
  kernels::power_rows({.x = scores_,
                       .stride = stride_,
                       .rows = rows,
                       .columns = head_.length,
                       .powers = powers_,
                       .power_stride = stride_},
                      factors, sums);
  for (std::size_t row = 0; row < rows; ++row) sums[row] = 1 / sums[row];
  multiply_values(rows, sums, to);
}

}  // namespace onecopy::worker
