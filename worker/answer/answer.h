// A batch of requests from their texts to their replies: tokenize, encode, head.
#pragma once

#include <span>
#include <vector>

#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"
#include "worker/answer/served_model.h"
#include "worker/encoder/workspace.h"

namespace onecopy::worker {

// Requests for this model; as many replies, in their order. Each reply is what its request gets
// when it is alone, to the last bit. Never throws for bad input: what is wrong with a request, its
// deadline included, comes back as its own reply's error.
std::vector<WorkReply> answer(const ServedModel& served, std::span<const WorkRequest> requests,
                              Workspace& workspace);

// A reply that is this error.
WorkReply refusal(const Error& error);

}  // namespace onecopy::worker
