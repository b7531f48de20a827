// What a model computes in: what the user asked for, and what that means on this machine.
#pragma once

#include "shared/model_info.h"

namespace onecopy::host {

enum class PrecisionChoice { kF32, kBf16, kInt8, kAuto };

// kAuto becomes the precision that is used; the others are what they say.
Precision resolve_precision(PrecisionChoice choice);

}  // namespace onecopy::host
