// Where the sums of an int8 product start: at what takes back the 128 of signed activations.
#pragma once

#include "worker/kernels/int8_product.h"

namespace onecopy::worker::kernels {

// 64 sums for each stretch of blocks with one scale, `next` apart.
struct Starts {
  const std::int32_t* sums;
  std::size_t next;
};

// `memory`: [args.blocks][64].
inline Starts starts_of(const Int8Args& args, std::int32_t* memory) {
  alignas(64) static constexpr std::int32_t kZeros[kPanelWidth] = {};
  if (args.block_sums == nullptr) return {kZeros, 0};
  const std::int16_t* sums = args.block_sums;
  for (std::size_t block = 0; block < args.blocks; ++block, sums += kPanelWidth) {
    std::int32_t* to = memory + block / args.together * kPanelWidth;
    const bool fresh = block % args.together == 0;
    for (std::size_t j = 0; j < kPanelWidth; ++j) to[j] = (fresh ? 0 : to[j]) - 128 * sums[j];
  }
  return {memory, kPanelWidth};
}

}  // namespace onecopy::worker::kernels
