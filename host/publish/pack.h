// Rows of a weight to a panel of a segment, as shared/packed_weight.h draws it.
#pragma once

#include <cstddef>

#include "shared/segment/packed_weight.h"

namespace onecopy::host {

// `rows` (1 to 64) rows of `cols` floats, one after the other, to panel_bytes(dtype, cols) bytes,
// all of which are written: what lies beyond `rows` and `cols` becomes zero. bf16 rounds as
// narrow_bf16 does. s8: a row's scale is its largest magnitude / 127, and an element the nearest
// whole number of scales, the even one where two are as near; a row whose scale is zero in f32 is
// all zeros. False: a row has an infinity or a NaN, which s8 has no number for.
[[nodiscard]] bool pack_panel(DType dtype, const float* source, std::size_t rows, std::size_t cols,
                              std::byte* panel);

}  // namespace onecopy::host
