// Which implementation computes the products of each element type in this process. Chosen once per
// instance (choose_back_ends.h); its other processes are told the choice as a line of text
// (back_ends_text.h), so that all of them give the same digits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/segment/packed_weight.h"
#include "worker/kernels/bf16_product.h"
#include "worker/kernels/block_product.h"
#include "worker/kernels/int8_product.h"
#include "worker/kernels/operand.h"

namespace onecopy::worker::kernels {

// A value; the products it points at are static.
struct BackEnds {
  const BlockProduct* f32 = nullptr;
  // The same, except where that is brgemm: for shapes that vary from call to call, as attention's.
  const BlockProduct* any_shape = nullptr;
  const Bf16Product* bf16 = nullptr;  // null: bf16 weights are widened and multiplied as f32
  const Int8Product* int8 = nullptr;
  // Attention of lower precision: null: in 16-bit integers (i16_product.h); else these products of
  // bf16, which are faster.
  const Bf16Product* attention = nullptr;
  // How many times as fast as f32 the products of bf16 and int8 weights are; in hundredths.
  double bf16_speedup = 1;
  double int8_speedup = 1;
  // What is not as one would expect of a new machine, a line each for the log. Only a choice that
  // was made in this process has them.
  std::vector<std::string> notes;
};

// Installs the choice for this process and those it forks. Call it while the process has one thread
// and before anything is computed.
void use_back_ends(BackEnds chosen);

// Those that were installed; in a program that installed none, as tests and benches, they are
// chosen at the first call. Any thread.
const BackEnds& default_back_ends();

// The best instruction set of the machine that the kernels are compiled for: "avx512_vnni",
// "avx512", "avx2" or kNoSimd. All kernels written with Highway run with it, so it is part of what
// decides about digits.
std::string_view simd_name();
inline constexpr std::string_view kNoSimd = "scalar";
bool has_wide_vectors();  // anything but kNoSimd

// BackEnds::any_shape of a BackEnds::f32.
const BlockProduct& any_shape_product(const BlockProduct& f32);

// What this machine lacks to compute with weights of this type at a useful speed; empty: nothing.
std::string lacks_for(DType weight);

// How activations must lie to be multiplied with a weight of this type.
OperandType operand_type(DType weight, const BackEnds& back_ends = default_back_ends());

}  // namespace onecopy::worker::kernels
