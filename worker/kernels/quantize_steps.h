// How a range of values becomes the 255 steps of a u8 operand's row and block.
#pragma once

#include <hwy/base.h>

#include <limits>

#include "worker/kernels/operand.h"

namespace onecopy::worker::kernels {
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

}  // namespace onecopy::worker::kernels
