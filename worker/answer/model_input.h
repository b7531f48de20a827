// Model input of one text or a pair, cut to what the model takes.
#pragma once

#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/answer/served_model.h"

namespace onecopy::worker {

// Tokenizes the request's texts and puts the template around them. With truncate, texts are cut
// (the longer of a pair first) to max_length, or to what the model takes; without it, over-long
// input is kInvalidArgument. An empty pair is no pair.
Result<Tokens> model_input(const ServedModel& served, const WorkRequest& request);

}  // namespace onecopy::worker
