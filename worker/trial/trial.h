// One forward pass over a few sentences with a segment that nobody serves yet: that it can be
// computed with, and how far its answers are from those in f32.
#pragma once

#include <optional>

#include "shared/base/status.h"
#include "shared/segment/segment_reader.h"

namespace onecopy::worker {

struct TrialOutcome {
  // With a reference: the largest difference of a logit (of an embedding's value), in parts of the
  // largest logit's magnitude.
  std::optional<double> precision_error;
};

// Runs the candidate, and a reference of the same model, over the same sentences, each as long as
// some dozen short requests, with one thread per core. The caller has opened the segments with
// Check::kContents. Errors: those of Model::bind and of the tokenizer; kCorrupt when an output is
// not finite, with the segment's name. May be killed at any time: it changes nothing. As hostile
// weights may crash it, it belongs in a process of its own.
Result<TrialOutcome> run_trial(Segment candidate, std::optional<Segment> reference = {});

}  // namespace onecopy::worker
