// The epilogue of an int8 product whose result is quantized: values go from sums to bytes in
// registers.
#pragma once

#include "worker/kernels/epilogue.h"
#include "worker/kernels/operand.h"

namespace onecopy::worker::kernels {

// One whole panel of 64 columns: as finish_scaled, to be quantized instead of stored.
struct SumsBlock {
  const float* c = nullptr;  // rows of 64 floats one behind the other
  const float* scales = nullptr;
  const float* bias = nullptr;
  const float* sums = nullptr;
};

inline constexpr std::size_t kMostTogether = 2;

// Blocks [block, block + panels) of the rows [first, last) of y, which share a scale, from the sums
// of as many panels, 1 to kMostTogether; row `first` is the first of c. lows: as in ScaledBlock.
void finish_quantized(Epilogue epilogue, const SumsBlock* blocks, std::size_t panels,
                      const float* lows, const Operand& y, std::size_t block, std::size_t first,
                      std::size_t last);

}  // namespace onecopy::worker::kernels
