// The two transformations between a file's bytes and a segment's floats.
#pragma once

#include <cstddef>
#include <span>

#include "host/safetensors.h"

namespace onecopy::host {

// Exact widening of f32, f16 or bf16 elements, as many as `out` has; infinities and NaNs stay what
// they are. `bytes` may overlap `out` only when both start at the same place and the type is f32.
void widen(SourceType type, std::span<const std::byte> bytes, std::span<float> out);

// One panel (shared/packed_weight.h): `rows` (1 to 64) rows of `cols` floats, one after the other,
// to [cols][64]; the columns beyond `rows` become zero.
void pack_panel(const float* source, std::size_t rows, std::size_t cols, float* panel);

}  // namespace onecopy::host
