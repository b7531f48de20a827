// A batch of requests from their texts to their replies: tokenize, encode, head.
#pragma once

#include <span>
#include <vector>

#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"
#include "worker/answer/interrupts.h"
#include "worker/answer/served_model.h"
#include "worker/encoder/workspace.h"

namespace onecopy::worker {

// Requests for this model; as many replies, in their order. Each reply is what its request gets
// when it is alone, to the last bit. Never throws for bad input: what is wrong with a request, its
// deadline included, comes back as its own reply's error. The batch is computed in parts of up to
// kBatchTokens; between two of them a request that is late or cancelled is dropped, and all are
// when the gateway is gone. The workspace's pool shows progress all the time.
std::vector<WorkReply> answer(const ServedModel& served, std::span<const WorkRequest> requests,
                              Workspace& workspace, const Interrupts& interrupts = {});

// A reply that is this error.
WorkReply refusal(const Error& error);

}  // namespace onecopy::worker
