// Which implementation computes the products of each element type on this machine: chosen once per
// process, after each candidate was tested against plain loops and, where it is not known which is
// faster, timed. Without libtorch (the host, some tests) only Highway's are candidates, so that the
// host's choice can differ from its workers'.
#pragma once

#include <string>
#include <vector>

#include "shared/segment/model_info.h"
#include "shared/segment/packed_weight.h"
#include "worker/kernels/bf16_product.h"
#include "worker/kernels/block_product.h"
#include "worker/kernels/int8_product.h"
#include "worker/kernels/operand.h"

namespace onecopy::worker::kernels {

struct BackEnds {
  const BlockProduct* f32 = nullptr;
  // The same, except where that is brgemm: for shapes that vary from call to call, as attention's.
  const BlockProduct* any_shape = nullptr;
  const Bf16Product* bf16 = nullptr;  // null: bf16 weights are widened and multiplied as f32
  const Int8Product* int8 = nullptr;
  // Attention of lower precision: null: in 16-bit integers (i16_product.h); else these products of
  // bf16, which are faster.
  const Bf16Product* attention = nullptr;
  // How many times as fast as f32 the products of bf16 and int8 weights are.
  double bf16_speedup = 1;
  double int8_speedup = 1;
  // What is not as one would expect of a new machine, a line each for the log.
  std::vector<std::string> notes;
};

// Chosen at the first call; call it before forking, so that the children need not choose again.
const BackEnds& default_back_ends();

// What this machine lacks to compute in this precision at a useful speed; empty: nothing.
std::string lacks_for(Precision precision);

// How activations must lie to be multiplied with a weight of this type.
OperandType operand_type(DType weight, const BackEnds& back_ends = default_back_ends());

}  // namespace onecopy::worker::kernels
