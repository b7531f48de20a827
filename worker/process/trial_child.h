// What a trial's process does, and what it says to the nursery through a pipe.
#pragma once

#include <optional>
#include <string>

#include "shared/base/json.h"
#include "worker/answer/served_model.h"

namespace onecopy::worker {

struct TrialQuestion {
  std::string candidate;                 // segments, by name
  std::optional<std::string> reference;  // of the same model in f32
};

// In the child: checks every byte of the segments, computes with them (worker/trial/trial.h) and
// writes what came out, errors too. Returns the exit code: 0 when it is written.
int try_segments(const TrialQuestion& question, const SegmentFiles& files, int pipe);

// In the nursery, once the child has ended, with nothing believed: "precision_error", or "error"
// with its "code", or neither. Nothing: the child wrote something else.
std::optional<Json> read_trial_outcome(int pipe);

}  // namespace onecopy::worker
