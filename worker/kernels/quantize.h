// From f32 to what the products of a lower precision read. Called by the step that computes the
// values, while they are in the nearest cache. Each has a plain twin `..._scalar`.
#pragma once

#include <cstddef>

#include "worker/kernels/activations.h"
#include "worker/kernels/operand.h"

namespace onecopy::worker::kernels {

// Columns [64 block, 64 block + columns) of the rows [first, last) of y become those of x's rows
// from 0 on; x begins at that block. `columns` is at most 64 * y.together, so that there is one
// scale for each row.
//   kU8: rounded to nearest even; a row with an infinity or a NaN gets it as its scale, so that
//        what is computed from it is no number either. The rest of the last block is not written:
//        its weights are 0
//   kBf16: rounded to nearest even; the rest of the last block becomes 0
// Precondition: y is kBf16 or kU8.
void quantize(Activations x, std::size_t columns, const Operand& y, std::size_t block,
              std::size_t first, std::size_t last);
void quantize_scalar(Activations x, std::size_t columns, const Operand& y, std::size_t block,
                     std::size_t first, std::size_t last);

}  // namespace onecopy::worker::kernels
