// What all processes of an instance compute with, settled in the nursery before it forks.
#pragma once

#include <string>

#include "shared/base/json.h"
#include "shared/base/status.h"

namespace onecopy::worker {

// Installs the back ends that `text` names (worker/kernels/back_ends_text.h) or, where it is empty,
// those that serve best here, for this process and those it forks; logs them in one line, and what
// is not as one would expect. Call it once, with one thread, before anything is computed. Errors:
// back_ends_from_text's; nothing is installed then.
Status settle_back_ends(const std::string& text);

// What the host is told: {"back_ends": the text for later nurseries, "speedup_bf16": x,
// "speedup_int8": x (over f32), "lacks": {"bf16": "", "int8": ""} (what the machine has not; empty:
// nothing)}. After settle_back_ends.
Json arithmetic_json();

}  // namespace onecopy::worker
