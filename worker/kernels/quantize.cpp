#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/quantize.cpp"

#include "worker/kernels/quantize.h"

#include <hwy/base.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "worker/kernels/highway_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/vector_loop-inl.h"

#ifndef ONECOPY_QUANTIZE_STEPS
#define ONECOPY_QUANTIZE_STEPS
namespace onecopy::worker::kernels {
namespace {

struct Range {
  float low, high;
  float magnitude;  // a NaN if there is one
};

// q = round(x * factor + shift)
struct Steps {
  float factor, shift;
};

// Sets the scale (and the low) of the row and block, and returns what quantizes with it. A range
// that is no number becomes the scale; an empty one makes all values 0. Inlined into each target's
// code: a call to code without AVX costs more than the rest of a row.
HWY_INLINE Steps steps_of(const Operand& y, std::size_t row, std::size_t block,
                          const Range& range) {
  float steps = 255;
  float width = range.magnitude;
  if (y.form == U8Form::kRow) {
    width = range.high - range.low;
    y.lows[row] = range.low;
  } else if (y.form == U8Form::kSigned) {
    steps = 127;
  } else {
    width += y.offset;
  }
  if (!(range.magnitude <= std::numeric_limits<float>::max())) width = range.magnitude;
  y.scale(row, block) = width * (1 / steps);
  const float factor = width > 1e-30F ? steps / width : 0.0F;
  if (y.form == U8Form::kSigned) return {factor, 128};
  return {factor, y.form == U8Form::kRow ? -range.low * factor : y.offset * factor};
}

}  // namespace
}  // namespace onecopy::worker::kernels
#endif  // ONECOPY_QUANTIZE_STEPS

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

using DI = hn::Rebind<std::int32_t, D>;
using DB = hn::Rebind<std::uint8_t, D>;

// body(column, part) over the columns of a row that lies in blocks.
template <class Body>
HWY_INLINE void for_columns(std::size_t columns, const Body& body) {
  for (std::size_t first = 0; first < columns; first += kBlockColumns) {
    for_vectors(std::min(kBlockColumns, columns - first),
                [&](std::size_t i, auto part) HWY_ATTR { body(first + i, part); });
  }
}

HWY_INLINE void store_bytes(hn::Vec<DB> v, FullVector, std::uint8_t* to) {
  hn::StoreU(v, DB(), to);
}
HWY_INLINE void store_bytes(hn::Vec<DB> v, PartOfVector part, std::uint8_t* to) {
  const hn::RebindToFloat<DI> d;
  HWY_ALIGN std::uint8_t bytes[hn::MaxLanes(DB())];
  hn::StoreU(v, DB(), bytes);
  for (std::size_t i = 0; i < hn::CountTrue(d, part.mask); ++i) to[i] = bytes[i];
}

#if HWY_TARGET == HWY_AVX3
// 64 values at once: narrowing vector by vector takes three times as many instructions.
HWY_INLINE void quantize_block(const float* from, V factor, V shift, std::uint8_t* to) {
  const auto four = [&](std::size_t i) HWY_ATTR {
    return hn::NearestInt(hn::MulAdd(hn::LoadU(D(), from + 16 * i), factor, shift)).raw;
  };
  const __m512i low = _mm512_packs_epi32(four(0), four(1));
  const __m512i high = _mm512_packs_epi32(four(2), four(3));
  // Packing works within 128 bits: puts the dwords back into order.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high)));
}
#else
HWY_INLINE void quantize_block(const float* from, V factor, V shift, std::uint8_t* to) {
  for (std::size_t i = 0; i < kBlockColumns; i += hn::Lanes(D())) {
    const auto q = hn::NearestInt(hn::MulAdd(hn::LoadU(D(), from + i), factor, shift));
    hn::StoreU(hn::DemoteTo(DB(), q), DB(), to + i);
  }
}
#endif

// As integers magnitudes compare like the numbers, and a NaN is the largest: it cannot get lost.
HWY_INLINE float magnitude_of(Activations x, std::size_t row, std::size_t columns) {
  auto most = hn::Zero(DI());
  for_columns(columns, [&](std::size_t c, auto part) HWY_ATTR {
    const auto bits = hn::BitCast(DI(), part.load(x.at(row, c)));
    most = hn::Max(most, hn::And(bits, hn::Set(DI(), 0x7FFFFFFF)));
  });
  return std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(DI(), most)));
}

HWY_INLINE Range range_of(Activations x, std::size_t row, std::size_t columns, U8Form form) {
  const float magnitude = magnitude_of(x, row, columns);
  if (form != U8Form::kRow) return {0, 0, magnitude};
  V low = hn::Set(D(), *x.at(row, 0));
  V high = low;
  for_columns(columns, [&](std::size_t c, auto part) HWY_ATTR {
    const V v = part.or_else(part.load(x.at(row, c)), low);
    low = hn::Min(low, v);
    high = hn::Max(high, v);
  });
  return {hn::GetLane(hn::MinOfLanes(D(), low)), hn::GetLane(hn::MaxOfLanes(D(), high)), magnitude};
}

HWY_INLINE void quantize_row(Activations x, std::size_t row, std::size_t columns,
                             const Operand& y, std::size_t block, std::size_t to) {
  const Steps steps = steps_of(y, to, block, range_of(x, row, columns, y.form));
  const V factor = hn::Set(D(), steps.factor);
  const V shift = hn::Set(D(), steps.shift);
  for (std::size_t first = 0; first < columns; first += kBlockColumns, ++block) {
    const float* from = x.at(row, first);
    auto* const bytes = reinterpret_cast<std::uint8_t*>(y.at(to, block));
    if (columns - first >= kBlockColumns) {
      quantize_block(from, factor, shift, bytes);
      continue;
    }
    for_vectors(columns - first, [&](std::size_t i, auto part) HWY_ATTR {
      const auto q = hn::NearestInt(hn::MulAdd(part.load(from + i), factor, shift));
      store_bytes(hn::DemoteTo(DB(), q), part, bytes + i);
    });
  }
}

// To nearest even by adding half a step, one less where the last kept bit is 0.
void round_row(Activations x, std::size_t row, std::size_t columns, std::uint16_t* to) {
  for (std::size_t first = 0; first < columns; first += kBlockColumns) {
    const float* from = x.at(row, first);
    const std::size_t count = std::min(kBlockColumns, columns - first);
    for (std::size_t i = 0; i < count; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(from[i]);
      const std::uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
      const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
      to[first + i] = static_cast<std::uint16_t>(is_nan ? bits >> 16 | 0x40U : rounded);
    }
  }
}

}  // namespace

void quantize(Activations x, std::size_t columns, const Operand& y, std::size_t block,
              std::size_t first, std::size_t last) {
  for (std::size_t row = first; row < last; ++row) {
    if (y.type == OperandType::kU8) {
      quantize_row(x, row - first, columns, y, block, row);
      continue;
    }
    auto* const to = reinterpret_cast<std::uint16_t*>(y.at(row, block));
    round_row(x, row - first, columns, to);
    if (columns % 2 != 0) to[columns] = 0;
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
    auto* const to = reinterpret_cast<std::uint16_t*>(y.at(row, block));
    for (std::size_t c = 0; c < columns; ++c) {
      // The double is exact; halfway cases are decided by the even neighbour.
      const float v = *x.at(row - first, c);
      const auto bits = std::bit_cast<std::uint32_t>(v);
      const std::uint32_t low = bits & 0xFFFFU;
      std::uint32_t high = bits >> 16;
      if (std::isnan(v)) {
        high |= 0x40U;
      } else if (low > 0x8000U || (low == 0x8000U && (high & 1U) != 0)) {
        ++high;
      }
      to[c] = static_cast<std::uint16_t>(high);
    }
    if (columns % 2 != 0) to[columns] = 0;
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
