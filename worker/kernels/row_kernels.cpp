#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/row_kernels.cpp"

#include "worker/kernels/row_kernels.h"

#include <cmath>
#include <limits>

#include "worker/kernels/highway_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/vector_loop-inl.h"
#include "worker/kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

float mean_of(Activations x, std::size_t row, std::size_t columns) {
  const V zero = hn::Zero(D());
  V sums[kSums] = {zero, zero, zero, zero};
  for_row(columns, [&](std::size_t c, std::size_t sum, auto part)
                       HWY_ATTR { sums[sum] = hn::Add(sums[sum], part.load(x.at(row, c))); });
  return hn::GetLane(sum_of(sums)) / static_cast<float>(columns);
}

float variance_of(Activations x, std::size_t row, std::size_t columns, float mean) {
  const V mean_v = hn::Set(D(), mean);
  const V zero = hn::Zero(D());
  V sums[kSums] = {zero, zero, zero, zero};
  for_row(columns, [&](std::size_t c, std::size_t sum, auto part) HWY_ATTR {
    const V v = part.or_else(hn::Sub(part.load(x.at(row, c)), mean_v), zero);
    sums[sum] = hn::MulAdd(v, v, sums[sum]);
  });
  return hn::GetLane(sum_of(sums)) / static_cast<float>(columns);
}

#if HWY_TARGET != HWY_SCALAR
// 4 x 4 floats.
HWY_INLINE void transpose_block(const float* x, std::size_t x_stride, float factor, float* y,
                                std::size_t y_stride) {
  const hn::FixedTag<float, 4> d;
  const auto scale = hn::Set(d, factor);
  const auto a = hn::Mul(scale, hn::LoadU(d, x));
  const auto b = hn::Mul(scale, hn::LoadU(d, x + x_stride));
  const auto c = hn::Mul(scale, hn::LoadU(d, x + 2 * x_stride));
  const auto e = hn::Mul(scale, hn::LoadU(d, x + 3 * x_stride));
  const auto ab_lower = hn::InterleaveLower(d, a, b);  // a0 b0 a1 b1
  const auto ab_upper = hn::InterleaveUpper(d, a, b);
  const auto ce_lower = hn::InterleaveLower(d, c, e);
  const auto ce_upper = hn::InterleaveUpper(d, c, e);
  hn::StoreU(hn::ConcatLowerLower(d, ce_lower, ab_lower), d, y);
  hn::StoreU(hn::ConcatUpperUpper(d, ce_lower, ab_lower), d, y + y_stride);
  hn::StoreU(hn::ConcatLowerLower(d, ce_upper, ab_upper), d, y + 2 * y_stride);
  hn::StoreU(hn::ConcatUpperUpper(d, ce_upper, ab_upper), d, y + 3 * y_stride);
}
constexpr std::size_t kTransposed = 4;
#else
HWY_INLINE void transpose_block(const float* x, std::size_t, float factor, float* y, std::size_t) {
  *y = factor * *x;
}
constexpr std::size_t kTransposed = 1;
#endif

}  // namespace

void transpose(const float* x, std::size_t x_stride, std::size_t rows, std::size_t columns,
               float factor, float* y, std::size_t y_stride) {
  const std::size_t full_rows = rows / kTransposed * kTransposed;
  const std::size_t full_columns = columns / kTransposed * kTransposed;
  for (std::size_t r = 0; r < full_rows; r += kTransposed) {
    for (std::size_t c = 0; c < full_columns; c += kTransposed) {
      transpose_block(x + r * x_stride + c, x_stride, factor, y + c * y_stride + r, y_stride);
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = r < full_rows ? full_columns : 0; c < columns; ++c) {
      y[c * y_stride + r] = factor * x[r * x_stride + c];
    }
  }
}

void layer_norm(const LayerNorm& norm, Activations x, Activations y, std::size_t first,
                std::size_t last) {
  for (std::size_t row = first; row < last; ++row) {
    const float mean = mean_of(x, row, norm.columns);
    const float variance = variance_of(x, row, norm.columns, mean);
    const V mean_v = hn::Set(D(), mean);
    const V scale = hn::Set(D(), 1 / std::sqrt(variance + norm.eps));
    for_row(norm.columns, [&](std::size_t c, std::size_t, auto part) HWY_ATTR {
      const V v = hn::Mul(hn::Sub(part.load(x.at(row, c)), mean_v), scale);
      part.store(hn::MulAdd(v, part.load(norm.weight + c), part.load(norm.bias + c)), y.at(row, c));
    });
  }
}

void add_rows(const float* a, const float* b, const float* c, Activations y, std::size_t row,
              std::size_t columns) {
  for_row(columns, [&](std::size_t i, std::size_t, auto part) HWY_ATTR {
    V sum = hn::Add(part.load(a + i), part.load(b + i));
    if (c != nullptr) sum = hn::Add(sum, part.load(c + i));
    part.store(sum, y.at(row, i));
  });
}

void exp_rows(const Rows& x, float* inverse_sums) {
  const V lowest = hn::Set(D(), std::numeric_limits<float>::lowest());
  for (std::size_t r = 0; r < x.rows; ++r) {
    float* row = x.data + r * x.stride;
    V max = lowest;
    for_vectors(x.columns, [&](std::size_t i, auto part) HWY_ATTR {
      max = hn::Max(max, part.or_else(part.load(row + i), lowest));
    });
    max = hn::MaxOfLanes(D(), max);
    V sum = hn::Zero(D());
    for_vectors(x.columns, [&](std::size_t i, auto part) HWY_ATTR {
      const V v = exp(D(), hn::Sub(part.load(row + i), max));
      part.store(v, row + i);
      sum = hn::Add(sum, part.or_else(v, hn::Zero(D())));
    });
    inverse_sums[r] = 1 / hn::GetLane(hn::SumOfLanes(D(), sum));
  }
}

void scale_rows(const Rows& x, const float* factors) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    float* row = x.data + r * x.stride;
    const V factor = hn::Set(D(), factors[r]);
    for_vectors(x.columns, [&](std::size_t i, auto part) HWY_ATTR {
      part.store(hn::Mul(part.load(row + i), factor), row + i);
    });
  }
}

void scale(const Rows& x, const float* row_factors, const float* column_factors, float* y,
           std::size_t stride) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* row = x.data + r * x.stride;
    float* to = y + r * stride;
    const V factor = hn::Set(D(), row_factors[r]);
    for_vectors(x.columns, [&](std::size_t j, auto part) HWY_ATTR {
      const V v = hn::Mul(part.load(row + j), factor);
      part.store(hn::Mul(v, part.load(column_factors + j)), to + j);
    });
  }
}

float dot(const float* a, const float* b, std::size_t columns) {
  V sum = hn::Zero(D());
  for_vectors(columns, [&](std::size_t i, auto part)
                           HWY_ATTR { sum = hn::MulAdd(part.load(a + i), part.load(b + i), sum); });
  return hn::GetLane(hn::SumOfLanes(D(), sum));
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(layer_norm);
HWY_EXPORT(add_rows);
HWY_EXPORT(exp_rows);
HWY_EXPORT(scale_rows);
HWY_EXPORT(scale);
HWY_EXPORT(dot);
HWY_EXPORT(transpose);

}  // namespace

void layer_norm(const LayerNorm& norm, Activations x, Activations y, std::size_t first,
                std::size_t last) {
  HWY_DYNAMIC_DISPATCH(layer_norm)(norm, x, y, first, last);
}

void add_rows(const float* a, const float* b, const float* c, Activations y, std::size_t row,
              std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(add_rows)(a, b, c, y, row, columns);
}

void exp_rows(const Rows& x, float* inverse_sums) {
  HWY_DYNAMIC_DISPATCH(exp_rows)(x, inverse_sums);
}

void scale_rows(const Rows& x, const float* factors) {
  HWY_DYNAMIC_DISPATCH(scale_rows)(x, factors);
}

void scale(const Rows& x, const float* row_factors, const float* column_factors, float* y,
           std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(scale)(x, row_factors, column_factors, y, stride);
}

float dot(const float* a, const float* b, std::size_t columns) {
  return HWY_DYNAMIC_DISPATCH(dot)(a, b, columns);
}

void transpose(const float* x, std::size_t x_stride, std::size_t rows, std::size_t columns,
               float factor, float* y, std::size_t y_stride) {
  HWY_DYNAMIC_DISPATCH(transpose)(x, x_stride, rows, columns, factor, y, y_stride);
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
