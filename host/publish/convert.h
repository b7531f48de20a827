// From the element types of the files to f32.
#pragma once

#include <cstddef>
#include <span>

#include "host/publish/safetensors.h"

namespace onecopy::host {

// Exact widening of f32, f16 or bf16 elements, as many as `out` has; infinities and NaNs stay what
// they are. `bytes` may overlap `out` only when both start at the same place and the type is f32.
void widen(SourceType type, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace onecopy::host
