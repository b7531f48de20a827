// What a model computes in: what the user asked for, and what this machine can do.
#pragma once

#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

enum class PrecisionChoice { kF32, kBf16, kInt8, kAuto };

// The precision that is asked for; kF32 for kAuto, which load_auto.h decides. kUnsupported names
// what the machine lacks.
Result<Precision> resolve_precision(PrecisionChoice choice);

}  // namespace onecopy::host
