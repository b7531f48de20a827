// What a model computes in: what the user asked for, and what this machine can do.
#pragma once

#include <string>

#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

enum class PrecisionChoice { kF32, kBf16, kInt8, kAuto };

// What the workers of this instance compute with, as they say themselves: the host computes
// nothing. Speedups are over f32; `lacks` is what the machine has not, empty: nothing.
struct Arithmetic {
  double bf16_speedup = 1;
  double int8_speedup = 1;
  std::string bf16_lacks;
  std::string int8_lacks;
};

// The precision that is asked for; kF32 for kAuto, which load_auto.h decides. kUnsupported names
// what the machine lacks.
Result<Precision> resolve_precision(PrecisionChoice choice, const Arithmetic& arithmetic);

}  // namespace onecopy::host
