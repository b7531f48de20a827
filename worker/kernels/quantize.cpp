#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/quantize.cpp"

#include "worker/kernels/quantize.h"

#include <algorithm>
#include <cmath>

#include "shared/base/bf16.h"
#include "worker/kernels/highway_targets.h"
#include "worker/kernels/quantize_steps.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/magnitude-inl.h"
#include "worker/kernels/quantize-inl.h"
#include "worker/kernels/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

HWY_INLINE void store_bytes(hn::Vec<DB> v, FullVector, std::uint8_t* to) {
  hn::StoreU(v, DB(), to);
}
HWY_INLINE void store_bytes(hn::Vec<DB> v, PartOfVector part, std::uint8_t* to) {
  const hn::RebindToFloat<DI> d;
  HWY_ALIGN std::uint8_t bytes[hn::MaxLanes(DB())];
  hn::StoreU(v, DB(), bytes);
  for (std::size_t i = 0; i < hn::CountTrue(d, part.mask); ++i) to[i] = bytes[i];
}

constexpr auto kLarger = [](auto a, auto b) HWY_ATTR { return hn::Max(a, b); };

HWY_INLINE float magnitude_of(Activations x, std::size_t row, std::size_t columns) {
  const VI zero = hn::Zero(DI());
  VI most[kSums] = {zero, zero, zero, zero};
  for_row(columns, [&](std::size_t c, std::size_t sum, auto part) HWY_ATTR {
    most[sum] = hn::Max(most[sum], magnitude_bits(part.load(x.at(row, c))));
  });
  return largest_magnitude(combined(most, kLarger));
}

HWY_INLINE Range range_of(Activations x, std::size_t row, std::size_t columns) {
  const V any = hn::Set(D(), *x.at(row, 0));
  V low[kSums] = {any, any, any, any};
  V high[kSums] = {any, any, any, any};
  const VI zero = hn::Zero(DI());
  VI most[kSums] = {zero, zero, zero, zero};
  for_row(columns, [&](std::size_t c, std::size_t sum, auto part) HWY_ATTR {
    const V v = part.or_else(part.load(x.at(row, c)), any);
    low[sum] = hn::Min(low[sum], v);
    high[sum] = hn::Max(high[sum], v);
    most[sum] = hn::Max(most[sum], magnitude_bits(v));
  });
  const auto smaller = [](V a, V b) HWY_ATTR { return hn::Min(a, b); };
  return {hn::GetLane(hn::MinOfLanes(D(), combined(low, smaller))),
          hn::GetLane(hn::MaxOfLanes(D(), combined(high, kLarger))),
          largest_magnitude(combined(most, kLarger))};
}

HWY_INLINE void quantize_row(Activations x, std::size_t row, std::size_t columns, const Operand& y,
                             std::size_t block, std::size_t to) {
  const Range range = y.form == U8Form::kRow ? range_of(x, row, columns)
                                             : Range{0, 0, magnitude_of(x, row, columns)};
  const Steps steps = steps_of(y, to, block, range);
  const V factor = hn::Set(D(), steps.factor);
  const V shift = hn::Set(D(), steps.shift);
  for (std::size_t first = 0; first < columns; first += kBlockColumns, ++block) {
    const float* from = x.at(row, first);
    auto* const bytes = reinterpret_cast<std::uint8_t*>(y.at(to, block));
    if (columns - first >= kBlockColumns) {
      quantize_block([&](std::size_t i) HWY_ATTR { return hn::LoadU(D(), from + i); }, factor,
                     shift, bytes);
      continue;
    }
    for_vectors(columns - first, [&](std::size_t i, auto part) HWY_ATTR {
      const auto q = nearest_int(hn::MulAdd(part.load(from + i), factor, shift));
      store_bytes(hn::DemoteTo(DB(), q), part, bytes + i);
    });
  }
}

void round_row(Activations x, std::size_t row, std::size_t columns, const Operand& y,
               std::size_t block, std::size_t to_row) {
  for (std::size_t first = 0; first < columns; first += kBlockColumns, ++block) {
    round_block(x.at(row, first), std::min(kBlockColumns, columns - first),
                y.bf16_at(to_row, block * kBlockColumns), y.half_stride / sizeof(std::uint16_t));
  }
}

}  // namespace

void quantize(Activations x, std::size_t columns, const Operand& y, std::size_t block,
              std::size_t first, std::size_t last) {
  for (std::size_t row = first; row < last; ++row) {
    if (y.type == OperandType::kU8) {
      quantize_row(x, row - first, columns, y, block, row);
    } else {
      round_row(x, row - first, columns, y, block, row);
    }
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(quantize);

}  // namespace

void quantize(Activations x, std::size_t columns, const Operand& y, std::size_t block,
              std::size_t first, std::size_t last) {
  HWY_DYNAMIC_DISPATCH(quantize)(x, columns, y, block, first, last);
}

namespace {

void quantize_row_scalar(Activations x, std::size_t row, std::size_t columns, const Operand& y,
                         std::size_t block, std::size_t to) {
  Range range{*x.at(row, 0), *x.at(row, 0), 0};
  for (std::size_t c = 0; c < columns; ++c) {
    const float v = *x.at(row, c);
    range.low = std::min(range.low, v);
    range.high = std::max(range.high, v);
    const bool settled = std::isnan(range.magnitude) || std::abs(v) <= range.magnitude;
    if (!settled) range.magnitude = std::abs(v);
  }
  const Steps steps = steps_of(y, to, block, range);
  for (std::size_t c = 0; c < columns; ++c) {
    const float q = std::nearbyint(std::fma(*x.at(row, c), steps.factor, steps.shift));
    y.at(to, block + c / kBlockColumns)[c % kBlockColumns] =
        static_cast<std::byte>(q >= 0 ? std::min(q, 255.0F) : 0);  // of a NaN as well
  }
}

}  // namespace

void quantize_scalar(Activations x, std::size_t columns, const Operand& y, std::size_t block,
                     std::size_t first, std::size_t last) {
  for (std::size_t row = first; row < last; ++row) {
    if (y.type == OperandType::kU8) {
      quantize_row_scalar(x, row - first, columns, y, block, row);
      continue;
    }
    for (std::size_t c = 0; c < Operand::blocks(columns) * kBlockColumns; ++c) {
      *y.bf16_at(row, block * kBlockColumns + c) =
          c < columns ? narrow_bf16(*x.at(row - first, c)) : std::uint16_t{0};
    }
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
