#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/i16_attention.cpp"

#include "worker/kernels/i16_attention.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "shared/segment/packed_weight.h"
#include "worker/kernels/highway_vnni_targets.h"
#include "worker/kernels/i16_product.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/magnitude-inl.h"
#include "worker/kernels/pack_columns-inl.h"
#include "worker/kernels/power-inl.h"
#include "worker/kernels/round-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

constexpr std::size_t kLanes = hn::MaxLanes(D());

std::int32_t magnitude_bits(float v) { return std::bit_cast<std::int32_t>(v) & 0x7FFFFFFF; }

}  // namespace

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

void power_rows(const PowerRows<std::int16_t>& x, const float* factors, float* sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::int16_t* const powers = x.powers + r * x.power_stride;
    const Power power(factors[r], kPowerSteps);
    const float total = powers_of_row(
        x.x + r * x.stride, x.columns, power, [&](std::size_t i, V first, V second) HWY_ATTR {
          store_as_16_bits(nearest_int(first), nearest_int(second), powers + i);
        });
    sums[r] = total / kPowerSteps;
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(row_magnitudes);
HWY_EXPORT(round_rows);
HWY_EXPORT(pack_keys);
HWY_EXPORT(column_magnitudes);
HWY_EXPORT(pack_values);
HWY_EXPORT(power_rows);

}  // namespace

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

void power_rows(const PowerRows<std::int16_t>& x, const float* factors, float* sums) {
  HWY_DYNAMIC_DISPATCH(power_rows)(x, factors, sums);
}

void power_rows_scalar(const PowerRows<std::int16_t>& x, const float* factors, float* sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::int16_t* const powers = x.powers + r * x.power_stride;
    const double sum = powers_of_row_scalar(
        x.x + r * x.stride, x.columns, factors[r], [&](std::size_t i, double power) {
          powers[i] =
              static_cast<std::int16_t>(std::lrint(power * static_cast<double>(kPowerSteps)));
        });
    sums[r] = static_cast<float>(sum);
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
