// Runs of onecopy-nursery that answer one question of the host over its channel and end. They go
// when the nursery itself answers them as messages.
#pragma once

#include <string>

#include "shared/base/status.h"

namespace onecopy::worker {

// Sends {"type": "arithmetic"} with the fields of arithmetic_json.
Status answer_arithmetic(int channel);

// Compares two published segments (worker/trial/trial.h). Sends {"type": "trial_done"} with
// "precision_error", or with "error" and "code" where there is none.
Status answer_trial(int channel, const std::string& reference, const std::string& candidate);

}  // namespace onecopy::worker
