// A choice of back ends as one line of text, by which it travels to other processes and into logs:
//
//   simd=avx512_vnni f32=highway bf16=amx int8=amx attention=bf16 bf16_speedup=15.94
//   int8_speedup=14.2
//
//   simd       avx512_vnni, avx512, avx2, scalar: the best instructions that Highway's kernels use
//   f32        highway, brgemm (libtorch's), scalar (plain loops)
//   bf16       amx, avx512_bf16, widened (to f32, and multiplied as f32)
//   int8       highway, amx, scalar
//   attention  bf16 (with bf16's products), i16 (16-bit integers); of bf16 and int8 models
#pragma once

#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "worker/kernels/back_ends.h"

namespace onecopy::worker::kernels {

std::string describe(const BackEnds& back_ends);

// The choice that was described, without a timing; each product named is self-tested. Errors name
// the entry: kInvalidArgument (not such a line), kUnsupported (this machine lacks it, has other
// instructions, or its product fails the self-test).
Result<BackEnds> back_ends_from_text(std::string_view text);

}  // namespace onecopy::worker::kernels
