#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/i16_product.cpp"

#include "worker/kernels/i16_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "shared/packed_weight.h"
#include "worker/kernels/highway_vnni_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/magnitude-inl.h"
#include "worker/kernels/pack_columns-inl.h"
#include "worker/kernels/power-inl.h"
#include "worker/kernels/round-inl.h"
#include "worker/kernels/row_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

constexpr std::size_t kLanes = hn::MaxLanes(D());

constexpr std::size_t kRows = 6;
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_SCALAR
constexpr std::size_t kVectors = 4;
#else
constexpr std::size_t kVectors = 2;
#endif

// sum + the products of each lane's two 16-bit halves.
#if HWY_TARGET == HWY_AVX3_DL
HWY_INLINE VI dot(VI sum, VI a, VI b) {  // not the intrinsic: see int8_product.cpp
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
}
#elif HWY_TARGET == HWY_SCALAR
HWY_INLINE VI dot(VI sum, VI a, VI b) {
  const auto low = [](VI v) { return static_cast<std::int16_t>(v.raw & 0xFFFF); };
  const auto high = [](VI v) { return static_cast<std::int16_t>(v.raw >> 16); };
  // Wraps like the instructions do: values that are no numbers may be rounded to anything.
  const auto bits = [](std::int32_t v) { return static_cast<std::uint32_t>(v); };
  sum.raw =
      static_cast<std::int32_t>(bits(sum.raw) + bits(low(a) * low(b)) + bits(high(a) * high(b)));
  return sum;
}
#else
HWY_INLINE VI dot(VI sum, VI a, VI b) {
  const hn::ScalableTag<std::int16_t> d16;
  VI unused = hn::Zero(DI());
  return hn::ReorderWidenMulAccumulate(DI(), hn::BitCast(d16, a), hn::BitCast(d16, b), sum, unused);
}
#endif

HWY_INLINE VI load(const std::int16_t* pairs) {
  return hn::LoadU(DI(), reinterpret_cast<const std::int32_t*>(pairs));
}

template <std::size_t kM, std::size_t kN>
HWY_INLINE void tile(const I16Args& args, std::size_t row, std::size_t column) {
  VI sums[kM][kN];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) sums[i][j] = hn::Zero(DI());
  }
  const std::int16_t* HWY_RESTRICT a = args.a + row * args.lda;
  const std::int16_t* HWY_RESTRICT b = args.b + 2 * column;
  for (std::size_t k = 0; k < args.k; k += 2, a += 2, b += 2 * kPanelWidth) {
    VI columns[kN];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) columns[j] = load(b + 2 * j * kLanes);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kM; ++i) {
      std::int32_t pair = 0;
      std::memcpy(&pair, a + i * args.lda, sizeof pair);
      const VI left = hn::Set(DI(), pair);
#pragma GCC unroll 16
      for (std::size_t j = 0; j < kN; ++j) sums[i][j] = dot(sums[i][j], left, columns[j]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      float* out = args.c + (row + i) * args.ldc + column + j * kLanes;
      V v = hn::ConvertTo(D(), sums[i][j]);
      if (args.add) v = hn::Add(v, hn::LoadU(D(), out));
      hn::StoreU(v, D(), out);
    }
  }
}

template <std::size_t kM, std::size_t kN>
HWY_INLINE void last_columns(const I16Args& args, std::size_t row, std::size_t column,
                             std::size_t vectors) {
  if (vectors == kN) return tile<kM, kN>(args, row, column);
  if constexpr (kN > 1) last_columns<kM, kN - 1>(args, row, column, vectors);
}

template <std::size_t kM>
void all_columns(const I16Args& args, std::size_t row) {
  // Whole stretches of 16 columns on every target: the callers' memory has them.
  const std::size_t end = (args.n + 15) / 16 * 16;
  std::size_t column = 0;
  for (; column + kVectors * kLanes <= end; column += kVectors * kLanes) {
    tile<kM, kVectors>(args, row, column);
  }
  if (column < end) last_columns<kM, kVectors>(args, row, column, (end - column) / kLanes);
}

std::int32_t magnitude_bits(float v) { return std::bit_cast<std::int32_t>(v) & 0x7FFFFFFF; }

}  // namespace

void multiply_i16(const I16Args& args) {
  for_row_tiles<kRows>(args.m, [&](auto height, std::size_t row)
                                   HWY_ATTR { all_columns<decltype(height)::value>(args, row); });
}

void row_magnitudes(const Columns& x, float* largest) {
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* from = x.x + row * x.row_stride;
    VI most = hn::Zero(DI());
    std::size_t i = 0;
    for (; i + kLanes <= x.columns; i += kLanes) {
      most = hn::Max(most, magnitude_bits(hn::LoadU(D(), from + i)));
    }
    std::int32_t bits = hn::GetLane(hn::MaxOfLanes(DI(), most));
    for (; i < x.columns; ++i) bits = std::max(bits, magnitude_bits(from[i]));
    largest[row] = std::bit_cast<float>(std::max(bits, std::bit_cast<std::int32_t>(largest[row])));
  }
}

void round_rows(const Columns& x, const float* factors, std::int16_t* y, std::size_t stride) {
  for (std::size_t row = 0; row < x.rows; ++row, y += stride) {
    const float* from = x.x + row * x.row_stride;
    const V factor = hn::Set(D(), factors[row]);
    std::size_t i = 0;
    for (; i + 2 * kLanes <= x.columns; i += 2 * kLanes) {
      store_as_16_bits(nearest_int(hn::Mul(factor, hn::LoadU(D(), from + i))),
                       nearest_int(hn::Mul(factor, hn::LoadU(D(), from + i + kLanes))), y + i);
    }
    for (; i < x.columns; ++i) y[i] = static_cast<std::int16_t>(std::lrint(factors[row] * from[i]));
    if (x.columns % 2 != 0) y[x.columns] = 0;
  }
}

void pack_keys(const std::int16_t* rounded, std::size_t stride, std::size_t rows,
               std::size_t columns, std::int16_t* y) {
  pack_columns<kPanelWidth>(rounded, stride, rows, (columns + 1) / 2,
                            reinterpret_cast<std::uint32_t*>(y));
}

void column_magnitudes(const Columns& x, float* largest) {
  std::fill_n(largest, x.columns, 0.0F);
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* from = x.x + row * x.row_stride;
    std::size_t j = 0;
    for (; j + kLanes <= x.columns; j += kLanes) {
      const VI before = hn::BitCast(DI(), hn::LoadU(D(), largest + j));
      const VI v = hn::Max(before, magnitude_bits(hn::LoadU(D(), from + j)));
      hn::StoreU(hn::BitCast(D(), v), D(), largest + j);
    }
    for (; j < x.columns; ++j) {
      const auto before = std::bit_cast<std::int32_t>(largest[j]);
      largest[j] = std::bit_cast<float>(std::max(before, magnitude_bits(from[j])));
    }
  }
}

void pack_values(const Columns& x, const float* factors, std::int16_t* y) {
  auto* to = reinterpret_cast<std::int32_t*>(y);
  const VI low = hn::Set(DI(), 0xFFFF);
  for (std::size_t row = 0; row < x.rows; row += 2, to += kPanelWidth) {
    const float* from = x.x + row * x.row_stride;
    const bool has_second = row + 1 < x.rows;
    std::size_t j = 0;
    for (; j + kLanes <= x.columns; j += kLanes) {
      const V factor = hn::LoadU(D(), factors + j);
      const VI first = nearest_int(hn::Mul(factor, hn::LoadU(D(), from + j)));
      VI second = hn::Zero(DI());
      if (has_second) {
        second = nearest_int(hn::Mul(factor, hn::LoadU(D(), from + x.row_stride + j)));
      }
      hn::StoreU(hn::Or(hn::And(first, low), hn::ShiftLeft<16>(second)), DI(), to + j);
    }
    for (; j < x.columns; ++j) {
      const auto first = static_cast<std::uint32_t>(std::lrint(factors[j] * from[j]));
      const auto second =
          has_second ? static_cast<std::uint32_t>(std::lrint(factors[j] * from[x.row_stride + j]))
                     : 0;
      to[j] = static_cast<std::int32_t>((first & 0xFFFFU) | second << 16);
    }
    std::fill(to + x.columns, to + kPanelWidth, 0);
  }
}

void power_rows(const PowerRows& x) {
  constexpr float kLog2E = 1.44269504F;
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* row = x.x + r * x.stride;
    std::int16_t* powers = x.powers + r * x.power_stride;
    const float exponents = x.factors[r] * kLog2E;
    const Power power(exponents, kPowerSteps);
    // The difference first: the largest one's power is 1 also where the scores are huge.
    const V largest = hn::Set(D(), largest_in(row, x.columns));
    V sums[2] = {hn::Zero(D()), hn::Zero(D())};
    const auto power_at = [&](std::size_t i)
                              HWY_ATTR { return power(hn::Sub(hn::LoadU(D(), row + i), largest)); };
    const auto keep = [&](std::size_t i, V first, V second) HWY_ATTR {
      store_as_16_bits(nearest_int(first), nearest_int(second), powers + i);
      sums[0] = hn::Add(sums[0], first);
      sums[1] = hn::Add(sums[1], second);
    };
    std::size_t i = 0;
    for (; i + 2 * kLanes <= x.columns; i += 2 * kLanes) keep(i, power_at(i), power_at(i + kLanes));
    if (i < x.columns) {
      const auto first = hn::FirstN(D(), x.columns - i);
      const auto second = hn::FirstN(D(), x.columns - std::min(x.columns, i + kLanes));
      keep(i, hn::IfThenElseZero(first, power_at(i)),
           hn::IfThenElseZero(second, power_at(i + kLanes)));
    }
    const float total = hn::GetLane(hn::SumOfLanes(D(), hn::Add(sums[0], sums[1])));
    x.sums[r] = total / kPowerSteps + 0 * exponents;  // no number where the factor is none
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(multiply_i16);
HWY_EXPORT(row_magnitudes);
HWY_EXPORT(round_rows);
HWY_EXPORT(pack_keys);
HWY_EXPORT(column_magnitudes);
HWY_EXPORT(pack_values);
HWY_EXPORT(power_rows);

}  // namespace

void multiply_i16(const I16Args& args) { HWY_DYNAMIC_DISPATCH(multiply_i16)(args); }

void row_magnitudes(const Columns& x, float* largest) {
  HWY_DYNAMIC_DISPATCH(row_magnitudes)(x, largest);
}

void column_magnitudes(const Columns& x, float* largest) {
  HWY_DYNAMIC_DISPATCH(column_magnitudes)(x, largest);
}

void round_rows(const Columns& x, const float* factors, std::int16_t* y, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(round_rows)(x, factors, y, stride);
}

void pack_values(const Columns& x, const float* factors, std::int16_t* y) {
  HWY_DYNAMIC_DISPATCH(pack_values)(x, factors, y);
}

void pack_keys(const std::int16_t* rounded, std::size_t stride, std::size_t rows,
               std::size_t columns, std::int16_t* y) {
  HWY_DYNAMIC_DISPATCH(pack_keys)(rounded, stride, rows, columns, y);
}

void power_rows(const PowerRows& x) { HWY_DYNAMIC_DISPATCH(power_rows)(x); }

void multiply_i16_scalar(const I16Args& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < args.n; ++j) {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < args.k; ++k) {
        sum += args.a[i * args.lda + k] * args.b[(k / 2 * kPanelWidth + j) * 2 + k % 2];
      }
      float& c = args.c[i * args.ldc + j];
      c = static_cast<float>(sum) + (args.add ? c : 0);
    }
  }
}

void power_rows_scalar(const PowerRows& x) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* row = x.x + r * x.stride;
    const double max = *std::max_element(row, row + x.columns);
    double sum = 0;
    for (std::size_t i = 0; i < x.columns; ++i) {
      const double power = std::exp(x.factors[r] * (row[i] - max));
      x.powers[r * x.power_stride + i] =
          static_cast<std::int16_t>(std::lrint(power * static_cast<double>(kPowerSteps)));
      sum += power;
    }
    if (x.columns % 2 != 0) x.powers[r * x.power_stride + x.columns] = 0;
    x.sums[r] = static_cast<float>(sum);
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
